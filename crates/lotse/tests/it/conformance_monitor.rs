//! The compliance monitor of the daemon: who signs in at an identity provider has subjects of their
//! own; reports of another monitor are taken over from the command line.

use crate::identity::{Provider, Setup, Visitor};
use crate::process::{Place, variable};

const MORE: &str = "    timeout_seconds: 60\n    client_id: lotse\nconformance: {}\n";
const SUBJECTS: &str = "/conformance/subjects";

#[tokio::test]
#[ignore = "real: oidc-provider"]
async fn people_of_an_identity_provider_make_subjects_of_their_own() {
    let (mut provider, place) = (Provider::start(), Place::new());
    let daemon = provider.daemon(&place, Setup::USUAL, MORE);
    provider.set_up(&daemon, Setup::USUAL);
    let stranger = Visitor::of(&daemon);
    assert_eq!(stranger.open(SUBJECTS).await.status, 303, "nobody is let in unknown");
    let ada = Visitor::of(&daemon);
    assert_eq!(ada.sign_in("ada").await.status, 303);
    let made = ada.submit(SUBJECTS, SUBJECTS, &[("subject", "adas-cloud")]).await;
    assert!(made.status == 200 && made.text.contains("The password of adas-cloud"), "{made:?}");
    // The same person from another browser, another day.
    let again = Visitor::of(&daemon);
    assert_eq!(again.sign_in("ada").await.status, 303);
    assert!(again.open(SUBJECTS).await.text.contains("<h2>adas-cloud</h2>"));
    assert!(again.open("/audit").await.text.contains("conformance.subject.make"));
    // Somebody else may look at results, and has no subjects with this role.
    let vera = Visitor::of(&daemon);
    assert_eq!(vera.sign_in("vera").await.status, 303);
    assert_eq!(vera.open("/conformance").await.status, 200);
    assert_eq!(vera.open(SUBJECTS).await.status, 403);
    let refused = vera.submit("/me", SUBJECTS, &[("subject", "veras-cloud")]).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(daemon.terminate().success());
}

#[test]
fn an_import_wants_the_section_of_the_monitor_and_a_database() {
    let place = Place::new();
    place.write("lotse.yaml", "state_directory: state\n");
    let import = |url: &str| place.run(&["conformance", "import", "--database", url]);
    let refused = import("postgres://127.0.0.1:1/none").with_code(2);
    assert!(refused.stderr.contains("conformance"), "{}", refused.stderr);
    place.write("lotse.yaml", "state_directory: state\nconformance: {}\n");
    let refused = import("postgres://monitor:hunter2@127.0.0.1:1/none");
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("other program"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
    let refused = import("mysql://127.0.0.1/none").with_code(2);
    assert!(refused.stderr.contains("postgres://"), "{}", refused.stderr);
}

#[test]
#[ignore = "real: postgresql"]
fn what_is_no_database_of_a_monitor_is_refused() {
    let place = Place::new();
    place.write("lotse.yaml", "state_directory: state\nconformance: {}\n");
    // The database of the administrator has no tables.
    let url = variable("LOTSE_TEST_POSTGRES");
    let refused = place.run(&["conformance", "import", "--database", &url]);
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("other program"), "{}", refused.stderr);
}

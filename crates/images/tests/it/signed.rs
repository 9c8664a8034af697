//! Definitions that demand a signature on upstream's list of checksums.
//!
//! What lies in `signed/` was made for these tests by `GnuPG`: two keys of the first of January 2026, and
//! signatures of the first of February by `publisher` (good, clear, expired after 30 days) and by
//! `stranger`. Nobody has the secret halves. `SUMS` names images of the loopback mirror.

use jiff::civil::date;
use lotse_images::observe::{Observed, vouched};
use lotse_images::verify::Content;
use lotse_images::{Catalog, Operation, verify};
use lotse_plan::{NoteKind, Plan};

use crate::mirror::sha512;
use crate::stage::Stage;

const SUMS: &str = include_str!("signed/SUMS");
const GOOD: &str = include_str!("signed/good.asc");
const CLEAR: &str = include_str!("signed/clear.txt");
const PUBLISHER: &str = "9d2818c70411cdcc45a5ce345d0ac758bda09b32";
const STRANGER: &str = "0fd7cbe7e7d0bfd031ed8e9dc2eb15f73d580411";

/// A stage on the first of May, with the publisher's key on its disk and his signed list on its mirror.
async fn stage() -> Stage {
    let mut stage = Stage::simulated().await;
    stage.options.today = date(2026, 5, 1);
    let key = stage.directory.path().join("publisher.key");
    std::fs::write(key, include_str!("signed/publisher.key")).unwrap();
    stage.mirror.publish_text("SUMS", SUMS);
    stage.mirror.publish_text("SUMS.gpg", GOOD);
    stage
}

/// Lines of a definition that demand the publisher's signature.
fn demands(stage: &Stage) -> String {
    let key = stage.directory.path().join("publisher.key");
    format!(
        "  signed_by: {}\n  checksums_url: SUMS\n  checksums_signature_url: SUMS.gpg\n",
        key.display()
    )
}

/// A definition without checksums of its own.
fn without_checksums(text: &str) -> String {
    let is_other = |line: &&str| !line.trim_start().starts_with("checksum:");
    text.split_inclusive('\n').filter(is_other).collect()
}

/// The only note of a plan without steps.
fn refusal(plan: &Plan<Operation>) -> &str {
    assert!(plan.is_empty(), "{:#?}", plan.steps());
    let [note] = plan.notes() else { panic!("{:#?}", plan.notes()) };
    assert_eq!(note.kind, NoteKind::Refused, "{note:?}");
    assert!(plan.refuses());
    &note.text
}

#[tokio::test]
async fn a_signed_list_vouches_for_what_is_imported_and_the_plan_says_who_signed() {
    let stage = stage().await;
    let text = stage.definition("Debian 13", &["1"], &demands(&stage));
    let catalog = Stage::catalog(&[without_checksums(&text)]);
    let plan = stage.plan(&catalog).await;
    let [note] = plan.notes() else { panic!("{:#?}", plan.notes()) };
    assert_eq!(note.kind, NoteKind::Fact);
    let said = format!("/SUMS is signed by the key {PUBLISHER}, on 2026-02-01");
    assert!(note.text.ends_with(&said), "{}", note.text);
    let Operation::Import(import) = &plan.steps()[0].operation else { panic!("{plan:#?}") };
    let signed = import.checksum.as_ref().map(ToString::to_string);
    assert_eq!(signed, Some(format!("sha512:{}", sha512("Debian-13-1"))));
    stage.converge(&catalog).await;
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
    // Who verifies later reads the list again.
    let mut observed = stage.observed(&catalog).await;
    let plan = stage.plan(&catalog).await;
    let content = |observed: &Observed| verify(&catalog, observed, &plan).remove(0).content;
    let Content::Unknown(reason) = content(&observed) else { panic!("nothing was read yet") };
    assert!(reason.ends_with("/SUMS: it was not read"), "{reason}");
    vouched(&catalog, &stage.options, &mut observed).await;
    assert_eq!(content(&observed), Content::Verified);
    // What is there was vouched for when it came: the publisher may remove the old list.
    let gone = without_checksums(&text).replace("checksums_url: SUMS", "checksums_url: missing");
    let plan = stage.plan(&Stage::catalog(&[gone])).await;
    assert!(plan.is_empty() && plan.notes().is_empty(), "{:#?}", plan.notes());
}

#[tokio::test]
async fn a_list_may_hold_its_own_signature_and_its_key_be_named_by_its_fingerprint() {
    let stage = stage().await;
    let keys = stage.directory.path().join("keys");
    std::fs::create_dir(&keys).unwrap();
    std::fs::write(keys.join("a.asc"), include_str!("signed/stranger.key")).unwrap();
    std::fs::write(keys.join("b.asc"), include_str!("signed/publisher.key")).unwrap();
    std::fs::write(keys.join("README"), "no key\n").unwrap();
    stage.mirror.publish_text("CHECKSUM", CLEAR);
    stage.mirror.publish_image("rolling", "build-1", Some("Thu, 01 Jan 2026 10:00:00 GMT"));
    let catalog = |fingerprint: &str| {
        let more = format!("  signed_by: {}\n", fingerprint.to_uppercase());
        let text = stage.definition("Rolling", &[], &more);
        let url = stage.mirror.url("rolling");
        let text = format!(
            "images:\n{text}  - version: latest\n    url: {url}\n    checksums_url: CHECKSUM\n"
        );
        let file = stage.directory.path().join("rolling.yml");
        std::fs::write(&file, text).unwrap();
        Catalog::load(&file).unwrap_or_else(|error| panic!("{}", error.report()))
    };
    let plan = stage.plan(&catalog(STRANGER)).await;
    let said = refusal(&plan);
    assert!(said.starts_with("nothing of this image is changed:"), "{said}");
    assert!(said.ends_with(&format!("which is not pinned (pinned: {STRANGER})")), "{said}");
    stage.converge(&catalog(PUBLISHER)).await;
    let image = stage.images().await.remove(0);
    assert_eq!(image.property("upstream_checksum"), Some(&*sha512("build-1")));
    assert!(stage.plan(&catalog(PUBLISHER)).await.is_empty());
}

#[tokio::test]
async fn a_list_that_is_not_signed_as_declared_stops_its_image_and_the_next_run_goes_on() {
    let stage = stage().await;
    let text = stage.definition("Debian 13", &["1"], &demands(&stage));
    // Even a declared checksum, which is right here, does not take the signature's place.
    for text in [text.clone(), without_checksums(&text)] {
        let catalog = Stage::catalog(&[text]);
        let other = SUMS.replace("Debian-13-2", "Debian-13-3");
        for (list, signature, complaint) in [
            (SUMS, include_str!("signed/stranger.asc"), "which is not pinned"),
            (SUMS, include_str!("signed/expired.asc"), "it has expired"),
            (&*other, GOOD, "the content is not what was signed"),
            (CLEAR, GOOD, "the content is not what was signed"),
            (SUMS, "<html>", "cannot be read"),
            (SUMS, "", "there is no signature in it"),
        ] {
            stage.mirror.publish_text("SUMS", list);
            stage.mirror.publish_text("SUMS.gpg", signature);
            let plan = stage.plan(&catalog).await;
            let said = refusal(&plan);
            assert!(said.starts_with("nothing is imported: the list of checksums http"), "{said}");
            assert!(said.contains(complaint), "{said}");
            stage.converge(&catalog).await;
            assert!(stage.images().await.is_empty());
        }
        stage.mirror.publish_text("SUMS", SUMS);
    }
    stage.mirror.publish_text("SUMS.gpg", GOOD);
    stage.converge(&Stage::catalog(&[text])).await;
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
}

#[tokio::test]
async fn a_signature_that_is_missing_is_not_done_without() {
    let stage = stage().await;
    let text = without_checksums(&stage.definition("Debian 13", &["1"], &demands(&stage)));
    let gone = text.replace("SUMS.gpg", "missing");
    let plan = stage.plan(&Stage::catalog(&[gone])).await;
    assert!(refusal(&plan).contains("is not signed: "), "{:#?}", plan.notes());
    assert!(refusal(&plan).contains("404"), "{:#?}", plan.notes());
    // A list without any signature, where it is to hold its own.
    let bare = text.replace("  checksums_signature_url: SUMS.gpg\n", "");
    let plan = stage.plan(&Stage::catalog(&[bare])).await;
    assert!(refusal(&plan).contains("it is not a signed text"), "{:#?}", plan.notes());
}

#[tokio::test]
async fn a_declared_checksum_must_stand_in_the_signed_list() {
    let stage = stage().await;
    let text = stage.definition("Debian 13", &["1"], &demands(&stage));
    let (right, wrong) = (sha512("Debian-13-1"), "0".repeat(128));
    let plan = stage.plan(&Stage::catalog(&[text.replace(&right, &wrong)])).await;
    let said = refusal(&plan);
    assert!(said.contains(&wrong) && said.contains(&right), "{said}");
}

#[tokio::test]
async fn one_version_without_a_signature_stops_no_other() {
    let stage = stage().await;
    let text = stage.definition("Debian 13", &["1", "4"], &demands(&stage));
    let more = stage.definition("Debian 12", &["1"], "");
    let catalog = Stage::catalog(&[without_checksums(&text), more]);
    let plan = stage.plan(&catalog).await;
    let names: Vec<_> = plan.steps().iter().map(|step| step.name.clone()).collect();
    assert_eq!(names, [stage.name("Debian 13 (1)"), stage.name("Debian 12")]);
    let waiting = plan.notes().iter().find(|note| note.kind == NoteKind::Waiting).unwrap();
    assert!(waiting.text.contains("does not name \"Debian-13-4.qcow2\""), "{}", waiting.text);
}

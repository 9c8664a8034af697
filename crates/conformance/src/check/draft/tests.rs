use jiff::civil::date;
use lotse_scs::Mode;
use serde_json::{Value, json};

use crate::check::{Case, judge};
use crate::model::{Judgement, Reason, Verdict};
use crate::snapshot::{Answer, Item, Networks, Snapshot};
use crate::tempest::{Came, Tempest};
use crate::testcase::Testcase;

fn items(values: &[Value]) -> Vec<Item> {
    values.iter().map(|value| value.as_object().unwrap().clone()).collect()
}

fn judged(snapshot: &Snapshot, id: &str) -> Judgement {
    let at = date(2026, 11, 22).at(12, 0, 0, 0);
    judge(Testcase::find(id).unwrap(), &Case { snapshot, at, mode: Mode::Standard })
}

fn verdict(snapshot: &Snapshot, id: &str) -> (Verdict, Reason) {
    let judgement = judged(snapshot, id);
    (judgement.verdict, judgement.reason)
}

fn empty() -> Snapshot {
    let mut snapshot = Snapshot::empty("prod", "2026-11-22T12:00:00Z".parse().unwrap());
    snapshot.flavors = Answer::Given(Vec::new());
    snapshot.images = Answer::Given(Vec::new());
    snapshot.hidden_images = Answer::Given(Vec::new());
    snapshot.networks = Answer::Given(Networks::default());
    snapshot
}

const KEPT: (Verdict, Reason) = (Verdict::Pass, Reason::Kept);
const BROKEN: (Verdict, Reason) = (Verdict::Fail, Reason::Broken);
const ABSENT: (Verdict, Reason) = (Verdict::Fail, Reason::Absent);
const NOT_APPLICABLE: (Verdict, Reason) = (Verdict::Pass, Reason::NotApplicable);

#[test]
fn flavors_of_the_standard_say_how_much_they_are_wanted() {
    let mut snapshot = empty();
    assert_eq!(verdict(&snapshot, "scs-0103-required-1v-4"), ABSENT);
    assert_eq!(verdict(&snapshot, "scs-0103-required-1v-4-10"), NOT_APPLICABLE);
    let flavor =
        |name: &str, mark: &str| json!({ "name": name, "extra_specs": { "scs:required": mark } });
    snapshot.flavors = Answer::Given(items(&[
        flavor("SCS-1V-4", "mandatoryv1"),
        flavor("SCS-1V-4-10", "mandatoryv1"),
        json!({ "name": "SCS-2V-8" }),
        flavor("own", "optional"),
    ]));
    assert_eq!(verdict(&snapshot, "scs-0103-required-1v-4"), KEPT);
    assert_eq!(verdict(&snapshot, "scs-0103-required-1v-4-10"), BROKEN);
    assert_eq!(verdict(&snapshot, "scs-0103-required-2v-8"), BROKEN);
    assert_eq!(verdict(&snapshot, "scs-0103-required-others"), KEPT);
    snapshot.flavors = Answer::Given(items(&[flavor("own", "mandatoryv1")]));
    assert_eq!(verdict(&snapshot, "scs-0103-required-others"), BROKEN);
    snapshot.flavors = Answer::Given(items(&[flavor("SCS-1V-4", "mandatoryv1")]));
    assert_eq!(verdict(&snapshot, "scs-0103-required-others"), NOT_APPLICABLE);
}

#[test]
fn generic_images_come_from_their_vendor_whatever_they_are_called() {
    let mut snapshot = empty();
    assert_eq!(judged(&snapshot, "scs-0104-v2-source-ubuntu").reason, Reason::NothingToCheck);
    let image = |purpose: &str, version: &str, source: &str| {
        json!({ "name": "noble numbat", "visibility": "public", "os_distro": "ubuntu",
            "os_purpose": purpose, "os_version": version, "image_source": source })
    };
    let good = "https://cloud-images.ubuntu.com/releases/noble/x.img";
    let elsewhere = "https://mirror.example/noble/x.img";
    snapshot.images = Answer::Given(items(&[
        image("generic", "24.04", good),
        image("minimal", "24.04", elsewhere),
    ]));
    assert_eq!(verdict(&snapshot, "scs-0104-v2-source-ubuntu"), KEPT);
    assert_eq!(verdict(&snapshot, "scs-0104-v2-source-debian"), NOT_APPLICABLE);
    // In November 2026 the latest is 26.04.
    assert_eq!(verdict(&snapshot, "scs-0104-v2-ubuntu-latest"), ABSENT);
    assert_eq!(verdict(&snapshot, "scs-0104-v2-ubuntu-previous"), KEPT);
    snapshot.images = Answer::Given(items(&[image("generic", "22.04", good)]));
    assert_eq!(verdict(&snapshot, "scs-0104-v2-source-ubuntu"), BROKEN);
}

#[test]
fn the_stable_debian_is_there_or_a_later_one() {
    let id = "scs-0104-v2-debian-stable";
    let image = |purpose: &str, version: &str| {
        json!({ "name": "d", "visibility": "public", "os_distro": "debian", "os_purpose": purpose,
            "os_version": version })
    };
    // In November 2026 it is 13, and nobody knows when 14 comes.
    for (purpose, version, expected) in [
        ("generic", "13", KEPT),
        ("generic", "13.2", KEPT),
        ("generic", "14", KEPT),
        ("generic", "12", ABSENT),
        ("generic", "sid", ABSENT),
        ("minimal", "13", ABSENT),
    ] {
        let images = Answer::Given(items(&[image(purpose, version)]));
        let snapshot = Snapshot { images, ..empty() };
        assert_eq!(verdict(&snapshot, id), expected, "{purpose} {version}");
    }
}

#[test]
fn node_images_say_what_they_are() {
    let mut snapshot = empty();
    assert_eq!(verdict(&snapshot, "scs-0104-v2-capi"), NOT_APPLICABLE);
    let image = |purpose: &str| {
        json!({ "name": "ubuntu-capi-image-v1.35", "visibility": "public", "os_purpose": purpose,
            "image_description": "https://github.com/osism/k8s-capi-images",
            "image_source": "https://nbg1.your-objectstorage.com/osism/openstack-k8s-capi-images/x" })
    };
    snapshot.images = Answer::Given(items(&[image("k8snode")]));
    assert_eq!(verdict(&snapshot, "scs-0104-v2-capi"), KEPT);
    snapshot.images = Answer::Given(items(&[image("generic")]));
    let judgement = judged(&snapshot, "scs-0104-v2-capi");
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert!(judgement.findings[0].evidence.contains("os_purpose is \"generic\""));
}

fn with(networks: Networks) -> Snapshot {
    Snapshot { networks: Answer::Given(networks), ..empty() }
}

fn provider(networks: &[Value]) -> Snapshot {
    with(Networks { provider: items(networks), ..Networks::default() })
}

#[test]
fn one_external_network_is_the_standard_one() {
    let id = "scs-0126-standard-network";
    let network = |default: bool, external: bool| json!({ "name": "public", "is_default": default, "router:external": external });
    assert_eq!(verdict(&provider(&[]), id), ABSENT);
    assert_eq!(verdict(&provider(&[network(false, true)]), id), ABSENT);
    assert_eq!(verdict(&provider(&[network(true, false)]), id), BROKEN);
    assert_eq!(verdict(&provider(&[network(true, true), network(true, true)]), id), BROKEN);
    let kept = judged(&provider(&[network(true, true), network(false, true)]), id);
    assert_eq!((kept.verdict, kept.findings.len()), (Verdict::Pass, 1));
    assert_eq!(
        judged(&Snapshot { networks: Answer::NotAsked, ..empty() }, id).verdict,
        Verdict::Abort
    );
}

#[test]
fn networks_into_which_servers_are_plugged_have_port_security() {
    let id = "scs-0126-port-security";
    let network =
        |shared: bool, safe: bool| json!({ "shared": shared, "port_security_enabled": safe });
    assert_eq!(verdict(&provider(&[network(false, false)]), id), NOT_APPLICABLE);
    assert_eq!(verdict(&provider(&[network(true, true)]), id), KEPT);
    assert_eq!(verdict(&provider(&[network(true, true), network(true, false)]), id), BROKEN);
}

#[test]
fn prefixes_come_from_one_default_pool_of_each_version() {
    let pool = |version: u8, default: bool, least: u8| json!({ "ip_version": version, "is_default": default, "shared": true, "min_prefixlen": least.to_string() });
    let pools = |pools: &[Value]| with(Networks { pools: items(pools), ..Networks::default() });
    let (six, four) = ("scs-0126-ipv6-pool", "scs-0126-ipv4-pool");
    assert_eq!(verdict(&pools(&[]), six), ABSENT);
    assert_eq!(verdict(&pools(&[]), four), NOT_APPLICABLE);
    assert_eq!(verdict(&pools(&[pool(6, true, 64), pool(4, false, 8)]), six), KEPT);
    assert_eq!(verdict(&pools(&[pool(6, true, 64), pool(4, false, 8)]), four), ABSENT);
    assert_eq!(verdict(&pools(&[pool(6, true, 64), pool(6, true, 64)]), six), BROKEN);
    assert_eq!(verdict(&pools(&[pool(6, true, 80)]), six), BROKEN);
}

#[test]
fn an_extension_that_contains_another_one_is_as_good() {
    let snapshot = |extension: &str| {
        with(Networks { extensions: vec![extension.to_owned()], ..Networks::default() })
    };
    assert_eq!(verdict(&snapshot("quotas"), "scs-0127-dns-integration"), ABSENT);
    assert_eq!(verdict(&snapshot("dns-domain-ports"), "scs-0127-dns-integration"), KEPT);
    assert_eq!(verdict(&snapshot("dns-integration"), "scs-0127-dns-domain-ports"), NOT_APPLICABLE);
    let with_service =
        |extension| Snapshot { services: vec!["dns".to_owned()], ..snapshot(extension) };
    assert_eq!(verdict(&with_service("dns-integration"), "scs-0127-dns-domain-ports"), ABSENT);
    assert_eq!(
        verdict(&with_service("subnet-dns-publish-fixed-ip"), "scs-0127-dns-domain-ports"),
        KEPT
    );
}

#[test]
fn no_test_of_tempest_that_is_demanded_may_fail() {
    let id = "scs-0128-tempest-image";
    let name = |name: &str| format!("tempest.api.image.v2.test_images.{name}");
    let tests = |tests: &[(&str, Came)], demanded: &[&str]| {
        let tests = tests.iter().map(|(test, came)| (name(test), *came)).collect();
        let demanded = demanded.iter().map(|test| name(test)).collect();
        let tempest = Tempest { files: Vec::new(), tests, demanded };
        Snapshot { tempest: Answer::Given(tempest), ..empty() }
    };
    assert_eq!(judged(&empty(), id).verdict, Verdict::Abort);
    assert_eq!(judged(&tests(&[], &[]), id).reason, Reason::NothingToCheck);
    assert_eq!(judged(&tests(&[("a", Came::Skipped)], &[]), id).reason, Reason::NothingToCheck);
    let two = [("a", Came::Passed), ("b", Came::Failed)];
    assert_eq!(verdict(&tests(&two, &[]), id), BROKEN);
    assert_eq!(verdict(&tests(&two, &["a"]), id), KEPT);
    let absent = judged(&tests(&two, &["a", "c"]), id);
    assert_eq!((absent.verdict, absent.reason), (Verdict::Abort, Reason::NotObserved));
    assert!(absent.findings[0].evidence.contains("c was not run"));
    let kept = judged(&tests(&[("a", Came::Passed)], &[]), id);
    assert_eq!(
        (kept.verdict, &*kept.findings[0].evidence),
        (Verdict::Pass, "the draft names 23 tests, and 1 were run")
    );
    // Those of other parts do not count here.
    assert_eq!(judged(&tests(&two, &[]), "scs-0128-tempest-volume").reason, Reason::NothingToCheck);
}

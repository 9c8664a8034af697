use jiff::civil::date;
use lotse_scs::standard_flavors::StandardFlavor;
use serde_json::{Value, json};

use super::*;
use crate::snapshot::{DefaultRules, Proof, Randomness, RulesWay, S3Probe};

const BOTH: [Mode; 2] = [Mode::Upstream, Mode::Standard];

/// A cloud that a plain member looks at and that has nothing.
fn empty() -> Snapshot {
    let mut snapshot = Snapshot::empty("test", "2026-11-01T12:00:00Z".parse().unwrap());
    snapshot.roles = vec!["member".to_owned(), "reader".to_owned()];
    snapshot.flavors = Answer::Given(Vec::new());
    snapshot.images = Answer::Given(Vec::new());
    snapshot.hidden_images = Answer::Given(Vec::new());
    snapshot.volume_types = Answer::Given(Vec::new());
    snapshot
}

fn items(values: &[Value]) -> Answer<Vec<Item>> {
    Answer::Given(values.iter().map(|value| value.as_object().unwrap().clone()).collect())
}

fn judged(snapshot: &Snapshot, id: &str, mode: Mode) -> Judgement {
    let testcase = Testcase::find(id).unwrap_or_else(|| panic!("{id}"));
    judge(testcase, &Case { snapshot, at: date(2026, 11, 1).at(12, 0, 0, 0), mode })
}

/// The verdicts in upstream's and in the standard's mode.
fn verdicts(snapshot: &Snapshot, id: &str) -> [Verdict; 2] {
    BOTH.map(|mode| judged(snapshot, id, mode).verdict)
}

use Verdict::{Abort, Fail, Pass};

fn flavors(flavors: &[Value]) -> Snapshot {
    Snapshot { flavors: items(flavors), ..empty() }
}

fn flavor(name: &str, vcpus: u32, ram: u32, disk: u32) -> Value {
    json!({ "id": name, "name": name, "vcpus": vcpus, "ram": ram, "disk": disk, "extra_specs": {} })
}

/// A good image; `changes` are merged into it, and null takes a field away.
fn image(changes: &Value) -> Value {
    let mut image = json!({
        "id": "1", "name": "Debian 12", "status": "active", "visibility": "public", "os_hidden": false,
        "size": 3_000_000_000_u64, "min_disk": 10, "min_ram": 1024, "created_at": "2026-10-20T00:00:00Z",
        "architecture": "x86_64", "os_hash_algo": "sha512", "os_version": "12", "os_distro": "debian",
        "os_purpose": "generic", "image_build_date": "2026-10-19", "image_original_user": "debian",
        "image_source": "https://cloud.debian.org/images/cloud/bookworm/20261019-1/d.qcow2",
        "image_description": "Debian 12", "replace_frequency": "monthly", "provided_until": "none",
        "uuid_validity": "last-3", "hotfix_hours": "0",
    });
    for (key, value) in changes.as_object().unwrap() {
        if value.is_null() {
            image.as_object_mut().unwrap().remove(key);
        } else {
            image[key] = value.clone();
        }
    }
    image
}

fn images(images: &[Value]) -> Snapshot {
    Snapshot { images: items(images), ..empty() }
}

#[test]
fn a_name_that_claims_the_standard_and_breaks_it_fails() {
    let id = "scs-0100-syntax-check";
    let good = flavors(&[flavor("SCS-4V-16", 4, 16384, 0), flavor("m1.tiny", 1, 512, 1)]);
    assert_eq!(verdicts(&good, id), [Pass, Pass]);
    let bad = flavors(&[flavor("SCS-4V-16_foo", 4, 16384, 0)]);
    assert_eq!(verdicts(&bad, id), [Fail, Fail]);
    let judgement = judged(&bad, id, Mode::Standard);
    assert_eq!(judgement.findings[0].object.as_ref().unwrap().name, "SCS-4V-16_foo");
    let odd = flavors(&[flavor("SCS-04V-16", 4, 16384, 0)]);
    assert_eq!(verdicts(&odd, id), [Pass, Fail]);
    let gpu = flavors(&[flavor("SCS-4V-16_GNa_ib", 4, 16384, 0)]);
    assert_eq!(verdicts(&gpu, id), [Fail, Pass]);
    let old = flavors(&[flavor("SCS-4V:16", 4, 16384, 0)]);
    assert_eq!(verdicts(&old, id), [Pass, Pass]);
    assert!(!judged(&old, id, Mode::Upstream).findings[0].breaks);
}

#[test]
fn a_flavor_has_at_least_what_its_name_promises() {
    let id = "scs-0100-semantics-check";
    for (vcpus, ram, disk, verdict) in [
        (4, 4096, 20, Pass),
        (8, 8192, 40, Pass),
        (4, 4045, 20, Pass),
        (4, 4044, 20, Fail),
        (3, 4096, 20, Fail),
        (4, 4096, 19, Fail),
    ] {
        let cloud = flavors(&[flavor("SCS-4V-4-20", vcpus, ram, disk)]);
        assert_eq!(verdicts(&cloud, id), [verdict; 2], "{vcpus} {ram} {disk}");
    }
    let sizeless = flavors(&[flavor("SCS-4V-4-n", 4, 4096, 0)]);
    assert_eq!(verdicts(&sizeless, id), [Abort, Pass]);
    assert_eq!(judged(&sizeless, id, Mode::Upstream).reason, Reason::UpstreamGivesUp);
    let null = flavors(&[json!({ "name": "SCS-4V-4", "vcpus": null, "ram": "4096", "disk": 0 })]);
    assert_eq!(verdicts(&null, id), [Fail, Fail]);
}

fn standard_flavor(name: &str, changes: &Value) -> Value {
    let wanted = StandardFlavor::by_testcase(&name[4..]).unwrap();
    let promise = wanted.promise().unwrap();
    let ram = u32::try_from(promise.ram.mib()).unwrap();
    let mut made = flavor(name, promise.cpus, ram, promise.disk_gb());
    for (key, value) in wanted.extra_specs().unwrap() {
        made["extra_specs"][&*key] = json!(value);
    }
    for (key, value) in changes.as_object().unwrap() {
        if let Some(specs) = value.as_object() {
            for (key, value) in specs {
                if value.is_null() {
                    made["extra_specs"].as_object_mut().unwrap().remove(key);
                } else {
                    made["extra_specs"][key] = value.clone();
                }
            }
        } else {
            made[key] = value.clone();
        }
    }
    made
}

#[test]
fn a_flavor_of_the_standard_is_there_exactly() {
    let id = "scs-0103-flavor-2v-4-20s";
    let name = "SCS-2V-4-20s";
    assert_eq!(verdicts(&flavors(&[standard_flavor(name, &json!({}))]), id), [Pass, Pass]);
    let renamed = standard_flavor(name, &json!({ "name": "fast" }));
    assert_eq!(verdicts(&flavors(&[renamed]), id), [Pass, Pass]);
    for wrong in [
        json!({ "ram": 8192 }),
        json!({ "vcpus": 4 }),
        json!({ "disk": 40 }),
        json!({ "extra_specs": { "scs:cpu-type": "crowded-core" } }),
        json!({ "extra_specs": { "scs:disk0-type": null } }),
        json!({ "extra_specs": { "scs:name-v1": null } }),
    ] {
        let cloud = flavors(&[standard_flavor(name, &wrong)]);
        assert_eq!(verdicts(&cloud, id), [Fail, Fail], "{wrong}");
    }
    let absent = judged(&empty(), id, Mode::Upstream);
    assert_eq!((absent.verdict, absent.reason), (Fail, Reason::Absent));
}

#[test]
fn a_disk_of_any_kind_is_as_good_where_the_name_does_not_say() {
    let id = "scs-0103-flavor-1v-4-10";
    let name = "SCS-1V-4-10";
    for (kind, wanted) in [
        (json!("network"), [Pass, Pass]),
        (json!("ssd"), [Fail, Pass]),
        (Value::Null, [Fail, Pass]),
        (json!("tape"), [Fail, Fail]),
    ] {
        let made = standard_flavor(name, &json!({ "extra_specs": { "scs:disk0-type": kind } }));
        assert_eq!(verdicts(&flavors(&[made]), id), wanted, "{kind}");
    }
}

#[test]
fn properties_of_images_mean_something() {
    for (property, good, bad) in [
        (
            "architecture",
            vec![json!("aarch64")],
            vec![json!("i386"), json!(""), Value::Null, json!(7)],
        ),
        ("hash_algo", vec![json!("sha256")], vec![json!("md5"), Value::Null]),
        ("min_disk", vec![json!(3), json!(40)], vec![json!(0), json!(2), Value::Null]),
        ("min_ram", vec![json!(32), json!("64")], vec![json!(0), Value::Null]),
        ("os_version", vec![json!("24.04"), json!(12)], vec![json!(""), Value::Null]),
        ("os_distro", vec![json!("arch")], vec![json!(""), Value::Null]),
        ("os_purpose", vec![json!("k8snode")], vec![json!("all"), Value::Null]),
        ("hw_disk_bus", vec![json!("scsi"), Value::Null], vec![json!("ide"), json!("")]),
        ("hypervisor_type", vec![json!("kvm"), Value::Null], vec![json!("bochs")]),
        ("hw_rng_model", vec![json!("virtio"), Value::Null], vec![json!("none")]),
        (
            "image_build_date",
            vec![json!("2026-10-19"), json!("2026-10-19 10:00"), json!("2026-10-19T10:00:00Z")],
            vec![json!("2026-10-21"), json!("2027-01-01"), json!("soon"), Value::Null],
        ),
        ("image_original_user", vec![json!("debian")], vec![json!(""), Value::Null]),
        (
            "image_source",
            vec![json!("private"), json!("ftp://a/b")],
            vec![json!("a/b"), Value::Null],
        ),
        ("image_description", vec![json!("text")], vec![json!(""), Value::Null]),
        ("replace_frequency", vec![json!("never")], vec![json!("hourly"), Value::Null]),
        ("provided_until", vec![json!("none"), json!("2027-01-01")], vec![json!(""), Value::Null]),
        ("uuid_validity", vec![json!("notice"), Value::Null], vec![json!("last"), json!("")]),
        ("hotfix_hours", vec![json!("48"), json!(4), Value::Null], vec![json!("soon"), json!(-1)]),
    ] {
        let id = format!("scs-0102-prop-{property}");
        let key = if property == "hash_algo" { "os_hash_algo" } else { property };
        for (values, verdict) in [(good, Pass), (bad, Fail)] {
            for value in values {
                let cloud = images(&[image(&json!({ key: value }))]);
                assert_eq!(verdicts(&cloud, &id), [verdict; 2], "{id} {value}");
            }
        }
    }
}

#[test]
fn an_image_in_the_making_ends_upstreams_check_and_not_ours() {
    let id = "scs-0102-prop-min_disk";
    let making = image(&json!({ "status": "queued", "size": null, "id": "2" }));
    assert_eq!(verdicts(&images(&[making, image(&json!({}))]), id), [Abort, Pass]);
    let undersized = image(&json!({ "min_disk": 1, "id": "2" }));
    assert_eq!(verdicts(&images(&[undersized]), id), [Fail, Fail]);
}

#[test]
fn private_images_are_not_looked_at_and_hidden_ones_only_by_the_standard() {
    let id = "scs-0102-prop-architecture";
    let bad = json!({ "architecture": "i386", "id": "2" });
    let mut private = bad.clone();
    private["visibility"] = json!("private");
    assert_eq!(verdicts(&images(&[image(&json!({})), image(&private)]), id), [Pass, Pass]);
    let hidden = Snapshot { hidden_images: items(&[image(&bad)]), ..images(&[image(&json!({}))]) };
    assert_eq!(verdicts(&hidden, id), [Pass, Fail]);
}

#[test]
fn images_are_as_new_as_they_promise() {
    let id = "scs-0102-image-recency";
    let built = |day: &str, changes: Value| {
        let mut all = json!({ "image_build_date": day, "created_at": "2025-01-01T00:00:00Z" });
        for (key, value) in changes.as_object().unwrap() {
            all[key] = value.clone();
        }
        image(&all)
    };
    let until = |day: &str| json!({ "provided_until": day });
    for (day, changes, wanted) in [
        ("2026-10-01", until("2027-01-01"), [Pass, Pass]),
        // 31 days and a tenth: until noon of the fourth day.
        ("2026-09-28", until("2027-01-01"), [Fail, Fail]),
        ("2026-09-28", until("none"), [Pass, Pass]),
        ("2026-09-28", until("notice"), [Pass, Pass]),
        ("2026-09-28", until("2026-10-31"), [Pass, Pass]),
        ("2026-09-28", until("later"), [Fail, Fail]),
        ("2026-09-28", json!({ "provided_until": null }), [Abort, Fail]),
        (
            "2020-01-01",
            json!({ "replace_frequency": "never", "provided_until": "2027-01-01" }),
            [Pass, Pass],
        ),
        (
            "2020-01-01",
            json!({ "replace_frequency": "yearly", "provided_until": "2027-01-01" }),
            [Fail, Fail],
        ),
    ] {
        let cloud = images(&[built(day, changes.clone())]);
        assert_eq!(verdicts(&cloud, id), wanted, "{day} {changes}");
    }
}

#[test]
fn an_outdated_image_may_stay_beside_its_successor() {
    let id = "scs-0102-image-recency";
    let old = image(&json!({
        "id": "2", "name": "Debian 12 old", "image_build_date": "2026-01-01", "provided_until": "2027-01-01",
    }));
    let new = image(&json!({}));
    assert_eq!(verdicts(&images(&[old.clone(), new.clone()]), id), [Pass, Pass]);
    assert_eq!(verdicts(&images(std::slice::from_ref(&old)), id), [Fail, Fail]);
    // The successor is outdated, too.
    let stale = image(&json!({ "image_build_date": "2026-01-02", "provided_until": "2027-01-01" }));
    assert_eq!(verdicts(&images(&[old, stale.clone()]), id), [Fail, Fail]);
    // Upstream sees the last of those with the same name only.
    assert_eq!(verdicts(&images(&[stale.clone(), new.clone()]), id), [Pass, Pass]);
    assert_eq!(verdicts(&images(&[new, stale]), id), [Fail, Pass]);
}

#[test]
fn hidden_outdated_images_count_by_the_standard() {
    let outdated =
        image(&json!({ "image_build_date": "2026-01-01", "provided_until": "2027-01-01",
        "name": "Other", "id": "2", "os_hidden": true }));
    let cloud = Snapshot { hidden_images: items(&[outdated]), ..images(&[image(&json!({}))]) };
    assert_eq!(verdicts(&cloud, "scs-0102-image-recency"), [Pass, Fail]);
}

#[test]
fn generic_images_can_be_told_apart() {
    let id = "scs-0102-os_purpose-uniqueness";
    let one = image(&json!({}));
    let same = image(&json!({ "id": "2", "name": "Other" }));
    assert_eq!(verdicts(&images(&[one.clone(), same]), id), [Fail, Fail]);
    for apart in [
        json!({ "architecture": "aarch64" }),
        json!({ "os_version": "13" }),
        json!({ "os_purpose": "minimal" }),
        json!({ "visibility": "community" }),
        json!({ "os_version": null }),
    ] {
        let cloud = images(&[one.clone(), image(&apart)]);
        assert_eq!(verdicts(&cloud, id), [Pass, Pass], "{apart}");
    }
}

#[test]
fn images_of_the_standard_are_there_and_come_from_their_vendor() {
    let debian = images(&[image(&json!({}))]);
    assert_eq!(verdicts(&debian, "scs-0104-image-debian-12"), [Pass, Pass]);
    assert_eq!(verdicts(&debian, "scs-0104-image-debian-13"), [Fail, Fail]);
    assert_eq!(verdicts(&debian, "scs-0104-source-debian-12"), [Pass, Pass]);
    // Nobody demands an image of this name.
    assert_eq!(verdicts(&debian, "scs-0104-source-ubuntu-2004"), [Pass, Pass]);
    let elsewhere = images(&[image(&json!({ "image_source": "https://example.org/d.qcow2" }))]);
    assert_eq!(verdicts(&elsewhere, "scs-0104-source-debian-12"), [Fail, Fail]);
    let silent = images(&[image(&json!({ "image_source": null }))]);
    assert_eq!(verdicts(&silent, "scs-0104-source-debian-12"), [Fail, Fail]);
    let twice = images(&[
        image(&json!({ "image_source": "https://example.org/d.qcow2", "id": "2" })),
        image(&json!({})),
    ]);
    assert_eq!(verdicts(&twice, "scs-0104-source-debian-12"), [Pass, Fail]);
}

#[test]
fn aspects_of_volume_types_are_known_sorted_and_unique() {
    let id = "scs-0114-syntax-check";
    let types = |descriptions: &[Value]| {
        let types: Vec<_> =
            descriptions.iter().map(|text| json!({ "name": "t", "description": text })).collect();
        Snapshot { volume_types: items(&types), ..empty() }
    };
    for good in [
        json!(null),
        json!(""),
        json!("fast"),
        json!("[scs:encrypted, replicated] all"),
        json!("[scs:replicated]"),
    ] {
        assert_eq!(verdicts(&types(std::slice::from_ref(&good)), id), [Pass, Pass], "{good}");
    }
    for bad in ["[scs:replicated, encrypted]", "[scs:encrypted, encrypted]", "[scs:fast]", "[scs:]"]
    {
        assert_eq!(verdicts(&types(&[json!(bad)]), id), [Fail, Fail], "{bad}");
    }
    let both = types(&[json!("[scs:encrypted] a"), json!("b")]);
    assert_eq!(verdicts(&both, "scs-0114-encrypted-type"), [Pass, Pass]);
    assert_eq!(verdicts(&both, "scs-0114-replicated-type"), [Fail, Fail]);
}

fn rule(direction: &str, ethertype: &str, changes: &Value) -> Value {
    let mut rule = json!({
        "id": "r", "direction": direction, "ethertype": ethertype, "protocol": null,
        "port_range_min": null, "port_range_max": null, "remote_ip_prefix": null,
        "remote_group_id": null, "used_in_default_sg": true, "used_in_non_default_sg": true,
    });
    for (key, value) in changes.as_object().unwrap() {
        rule[key] = value.clone();
    }
    rule
}

fn rules(way: RulesWay, rules: &[Value]) -> Snapshot {
    let Answer::Given(rules) = items(rules) else { panic!("given") };
    Snapshot { default_rules: Answer::Given(DefaultRules { way, rules }), ..empty() }
}

#[test]
fn groups_begin_with_nothing_in_and_everything_out() {
    let id = "scs-0115-default-rules";
    let out = [rule("egress", "IPv4", &json!({})), rule("egress", "IPv6", &json!({}))];
    let with = |more: Value| {
        let all: Vec<_> = out.iter().cloned().chain([more]).collect();
        verdicts(&rules(RulesWay::Listed, &all), id)
    };
    assert_eq!(verdicts(&rules(RulesWay::Listed, &out), id), [Pass, Pass]);
    assert_eq!(verdicts(&rules(RulesWay::Listed, &out[..1]), id), [Fail, Fail]);
    assert_eq!(verdicts(&rules(RulesWay::Listed, &[]), id), [Fail, Fail]);
    let inside = json!({ "remote_group_id": "PARENT", "used_in_non_default_sg": false });
    assert_eq!(with(rule("ingress", "IPv4", &inside)), [Pass, Pass]);
    let inside_of_all = json!({ "remote_group_id": "PARENT", "used_in_non_default_sg": true });
    assert_eq!(with(rule("ingress", "IPv4", &inside_of_all)), [Fail, Fail]);
    assert_eq!(with(rule("ingress", "IPv4", &json!({ "protocol": "tcp" }))), [Fail, Fail]);
    let default_only = json!({ "used_in_non_default_sg": false });
    let for_default =
        [rule("egress", "IPv4", &default_only), rule("egress", "IPv6", &default_only)];
    assert_eq!(verdicts(&rules(RulesWay::Listed, &for_default), id), [Fail, Fail]);
}

#[test]
fn a_prefix_that_means_everything_and_a_port_are_read_differently() {
    let id = "scs-0115-default-rules";
    let ways_out = |ipv4: Value, ipv6: Value| {
        let all = [rule("egress", "IPv4", &ipv4), rule("egress", "IPv6", &ipv6)];
        verdicts(&rules(RulesWay::Listed, &all), id)
    };
    let (all4, all6) =
        (json!({ "remote_ip_prefix": "0.0.0.0/0" }), json!({ "remote_ip_prefix": "::/0" }));
    assert_eq!(ways_out(all4, all6), [Fail, Pass]);
    let port = json!({ "protocol": "tcp", "port_range_min": 80, "port_range_max": 80 });
    assert_eq!(ways_out(port.clone(), port), [Pass, Fail]);
}

#[test]
fn a_new_group_shows_the_rules_where_neutron_does_not_list_them() {
    let id = "scs-0115-default-rules";
    let out = [rule("egress", "IPv4", &json!({})), rule("egress", "IPv6", &json!({}))];
    assert_eq!(verdicts(&rules(RulesWay::NewGroup, &out), id), [Pass, Pass]);
    let inside = rule("ingress", "IPv4", &json!({ "remote_group_id": "g" }));
    let all: Vec<_> = out.into_iter().chain([inside]).collect();
    assert_eq!(verdicts(&rules(RulesWay::NewGroup, &all), id), [Fail, Fail]);
}

fn services(services: &[&str]) -> Snapshot {
    Snapshot { services: services.iter().map(|name| (*name).to_owned()).collect(), ..empty() }
}

#[test]
fn services_are_found_by_their_types() {
    let cloud = services(&["compute", "volumev3", "object-store-s3"]);
    assert_eq!(verdicts(&cloud, "scs-0123-service-compute"), [Pass, Pass]);
    assert_eq!(verdicts(&cloud, "scs-0123-service-image"), [Fail, Fail]);
    assert_eq!(verdicts(&cloud, "scs-0123-storage-apis"), [Pass, Pass]);
    assert_eq!(verdicts(&services(&["volumev2"]), "scs-0123-storage-apis"), [Fail, Fail]);
    assert_eq!(verdicts(&cloud, "scs-0123-service-s3"), [Pass, Pass]);
    assert_eq!(verdicts(&services(&["s3"]), "scs-0123-service-s3"), [Fail, Pass]);
    assert_eq!(verdicts(&cloud, "scs-0116-presence"), [Fail, Fail]);
}

#[test]
fn object_storage_speaks_s3_when_it_knows_its_errors() {
    let id = "scs-0123-swift-s3";
    assert_eq!(verdicts(&services(&[]), id), [Pass, Fail]);
    let swift = services(&["object-store"]);
    for (status, code, wanted) in [
        (403, Some("InvalidAccessKeyId"), Pass),
        (404, Some("NoSuchKey"), Pass),
        (403, Some("SignatureDoesNotMatch"), Fail),
        (200, None, Fail),
    ] {
        let code = code.map(ToOwned::to_owned);
        let cloud = Snapshot { s3: Answer::Given(S3Probe { status, code }), ..swift.clone() };
        assert_eq!(verdicts(&cloud, id), [wanted; 2], "{status}");
    }
    assert_eq!(verdicts(&swift, id), [Abort, Abort]);
}

#[test]
fn members_keep_secrets_if_there_is_a_key_manager() {
    let id = "scs-0116-permissions";
    assert_eq!(verdicts(&services(&[]), id), [Pass, Pass]);
    for (worked, status, wanted) in [
        (true, None, Pass),
        (false, Some(403), Fail),
        (false, Some(404), Fail),
        (false, Some(500), Abort),
    ] {
        let proof = Proof { steps: vec!["keep a secret".to_owned()], worked, status };
        let cloud = Snapshot { secret: Answer::Given(proof), ..services(&["key-manager"]) };
        assert_eq!(verdicts(&cloud, id), [wanted; 2], "{status:?}");
    }
    let unasked = judged(&services(&["key-manager"]), id, Mode::Standard);
    assert_eq!((unasked.verdict, unasked.reason), (Abort, Reason::NotObserved));
}

#[test]
fn whatever_goes_wrong_with_a_backup_fails() {
    let id = "scs-0117-test-backup";
    for (worked, status, wanted) in
        [(true, None, Pass), (false, Some(500), Fail), (false, None, Fail)]
    {
        let proof = Proof { steps: vec!["make a volume".to_owned()], worked, status };
        let cloud = Snapshot { backup: Answer::Given(proof), ..empty() };
        assert_eq!(verdicts(&cloud, id), [wanted; 2]);
    }
    assert_eq!(verdicts(&empty(), id), [Abort, Abort]);
}

#[test]
fn random_numbers_are_judged_by_what_a_server_says() {
    let said = |entropy, fips_failures| Snapshot {
        randomness: Answer::Given(Randomness { entropy, fips_failures }),
        ..empty()
    };
    let (entropy, fips) = ("scs-0101-entropy-avail", "scs-0101-fips-test");
    assert_eq!(verdicts(&said(Some(256), Some(5)), entropy), [Pass, Pass]);
    assert_eq!(verdicts(&said(Some(255), Some(5)), entropy), [Fail, Fail]);
    assert_eq!(verdicts(&said(Some(256), Some(5)), fips), [Pass, Pass]);
    assert_eq!(verdicts(&said(Some(256), Some(6)), fips), [Fail, Fail]);
    assert_eq!(verdicts(&said(Some(256), None), fips), [Abort, Abort]);
}

#[test]
fn an_empty_cloud_passes_nothing_vacuously_by_the_standard() {
    for id in [
        "scs-0100-syntax-check",
        "scs-0100-semantics-check",
        "scs-0102-prop-architecture",
        "scs-0102-image-recency",
        "scs-0102-os_purpose-uniqueness",
        "scs-0104-source-debian-12",
        "scs-0114-syntax-check",
    ] {
        assert_eq!(verdicts(&empty(), id), [Pass, Fail], "{id}");
        assert_eq!(judged(&empty(), id, Mode::Standard).reason, Reason::NothingToCheck, "{id}");
    }
}

#[test]
fn what_a_service_did_not_answer_is_aborted_with_its_reason() {
    let trouble = Trouble {
        reason: Reason::Forbidden,
        message: "no".to_owned(),
        status: Some(403),
        request_id: None,
    };
    let cloud = Snapshot { flavors: Answer::Failed(trouble), ..empty() };
    for id in ["scs-0100-syntax-check", "scs-0100-semantics-check", "scs-0103-flavor-1v-4"] {
        for mode in BOTH {
            let judgement = judged(&cloud, id, mode);
            assert_eq!((judgement.verdict, judgement.reason), (Abort, Reason::Forbidden), "{id}");
        }
    }
}

#[test]
fn upstream_judges_for_plain_members_only() {
    for (roles, wanted) in [
        (&["member", "reader"][..], [Pass, Pass]),
        (&["reader"], [Abort, Pass]),
        (&["member", "manager"], [Abort, Pass]),
        (&["admin", "member", "reader"], [Abort, Pass]),
    ] {
        let mut cloud = services(&["compute"]);
        cloud.roles = roles.iter().map(|role| (*role).to_owned()).collect();
        assert_eq!(verdicts(&cloud, "scs-0123-service-compute"), wanted, "{roles:?}");
    }
}

//! Foreign bytes: what the fuzz targets demand of every input, held against seeds and what mutations make
//! of them. The targets of `fuzz/` read the same modules.

mod kubeconfigs;
mod scope_files;
mod signatures;
mod snapshots;
mod version_feeds;

use std::ops::Range;

use lotse_conformance::Snapshot;
use lotse_conformance::feed::{Feed, Feeds, Release, built_in_support};
use lotse_conformance::kaas::Version;
use lotse_conformance::kaas::cluster::{Cluster, Port};
use lotse_conformance::snapshot::{Answer, DefaultRules, Item, Proof, RulesWay};
use lotse_conformance::snapshot::{Networks, Randomness, S3Probe, seal};
use lotse_core::signature::ssh::SigningKey;
use lotse_core::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

const SCOPES: [&str; 3] = [
    include_str!("../../profiles/scs-iaas.yaml"),
    include_str!("../../profiles/scs-kaas.yaml"),
    "uuid: u\nname: n\nurl: https://example.org\ngroups:\n- id: a\n  include: [b, scs-0116-presence]\n\
     - id: b\n  include: [scs-0123-storage-apis]\nversions:\n- version: v1\n  test: a\n\
     \x20 stabilized_at: 2026-01-01\ntimeline:\n- date: 2026-01-02\n  versions: {v1: effective}\n",
];

/// Words that parsers of ours know, and numbers at the edges of theirs.
const WORDS: [&str; 32] = [
    "null",
    "~",
    "true",
    "{}",
    "[]",
    "\"\"",
    "-1",
    "0",
    "1e308",
    "18446744073709551616",
    "NaN",
    "\n",
    "\n\n",
    ": ",
    "- ",
    "&a ",
    "*a",
    "!!int ",
    "|\n",
    "2026-02-29",
    "9999-12-31",
    "\u{0}",
    "\u{feff}",
    "\u{2028}",
    "é",
    "\"",
    "'",
    "#",
    "uuid",
    "versions",
    "include: [a]",
    "deprecated",
];

/// A change to text: what to put in the place of which part.
#[derive(Clone, Debug)]
struct Change {
    at: prop::sample::Index,
    length: usize,
    with: String,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let with = prop_oneof![
        prop::sample::select(WORDS.to_vec()).prop_map(str::to_owned),
        Just(String::new()),
        "[\\x00-\\x7f]{0,4}",
        "\\PC{0,3}",
    ];
    let change =
        (any::<prop::sample::Index>(), prop_oneof![Just(0), 1..4_usize, 4..400_usize], with);
    let change = change.prop_map(|(at, length, with)| Change { at, length, with });
    prop::collection::vec(change, 0..6)
}

fn changed(seed: &str, changes: &[Change]) -> String {
    let mut text = seed.to_owned();
    for change in changes {
        let start = text.floor_char_boundary(change.at.index(text.len() + 1));
        let end = text.floor_char_boundary((start + change.length).min(text.len())).max(start);
        text.replace_range(Range { start, end }, &change.with);
    }
    text
}

/// A snapshot in which everything was asked.
fn snapshot() -> Value {
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    let proof = Proof { steps: vec!["try".to_owned()], worked: false, status: Some(403) };
    let image = json!([{
        "id": "1", "name": "Ubuntu 24.04", "visibility": "public", "status": "active",
        "size": 1024, "min_disk": 1, "min_ram": 512, "architecture": "x86_64",
        "os_distro": "ubuntu", "os_version": "24.04", "os_purpose": "generic",
        "created_at": "2026-11-01T00:00:00Z", "image_build_date": "2026-11-01",
        "replace_frequency": "monthly", "provided_until": "notice", "uuid_validity": "last-3",
        "hotfix_hours": "24", "os_hash_algo": "sha256",
        "image_source": "https://cloud-images.ubuntu.com/noble/x.img",
    }]);
    let rule = json!([{
        "id": "1", "direction": "egress", "ethertype": "IPv4", "used_in_default_sg": true,
        "remote_ip_prefix": "0.0.0.0/0", "port_range_min": null,
    }]);
    let flavor = json!([{
        "id": "1", "name": "SCS-4V-16-n", "vcpus": 4, "ram": 16384, "disk": 10,
        "extra_specs": { "scs:name-v2": "SCS-4V-16", "scs:cpu-type": "shared-core" },
    }]);
    let volume_type = json!([{ "id": "1", "description": "[scs:encrypted, replicated] good" }]);
    let network = json!([{ "id": "1", "is_default": true, "router:external": true }]);
    let pool = json!([{ "id": "1", "ip_version": 6, "is_default": true }]);
    let networks = Networks {
        provider: serde_json::from_value(network).unwrap(),
        pools: serde_json::from_value(pool).unwrap(),
        extensions: vec!["dns-integration".to_owned()],
    };
    let rules = serde_json::from_value(rule).unwrap();
    let snapshot = Snapshot {
        roles: vec!["member".to_owned()],
        services: ["compute", "key-manager", "object-store"].map(str::to_owned).to_vec(),
        flavors: items(flavor),
        images: items(image.clone()),
        hidden_images: items(image),
        volume_types: items(volume_type),
        default_rules: Answer::Given(DefaultRules { way: RulesWay::Listed, rules }),
        s3: Answer::Given(S3Probe { status: 403, code: Some("NoSuchKey".to_owned()) }),
        secret: Answer::Given(proof.clone()),
        backup: Answer::Given(proof),
        randomness: Answer::Given(Randomness { entropy: Some(256), fips_failures: None }),
        networks: Answer::Given(networks),
        cluster: cluster(),
        feeds: feeds(now),
        ..Snapshot::empty("seed", now)
    };
    serde_json::to_value(snapshot).unwrap()
}

fn items(values: Value) -> Answer<Vec<Item>> {
    Answer::Given(serde_json::from_value(values).unwrap())
}

fn cluster() -> Cluster {
    let named = |more: Value| {
        let mut item = more;
        item["id"] = json!("a");
        item["name"] = json!("a");
        items(json!([item]))
    };
    let enforced = json!({ "labels": { "pod-security.kubernetes.io/enforce": "x" } });
    Cluster {
        version: Answer::Given("v1.35.1+k3s1".to_owned()),
        nodes: named(json!({ "labels": { "topology.kubernetes.io/zone": "a" }, "ready": true })),
        storage_classes: named(json!({ "default": true, "provisioner": "x" })),
        claim: Answer::Given(Proof { steps: Vec::new(), worked: true, status: None }),
        ports: Answer::Given(vec![Port { number: 2379, open: false }]),
        kubelets: named(json!({ "anonymous": false, "mode": "Webhook", "readOnlyPort": 0 })),
        api_servers: named(json!({ "flags": { "anonymous-auth": "false" } })),
        namespaces: named(enforced),
        ..Cluster::default()
    }
}

fn feeds(now: Timestamp) -> Feeds {
    let release = Release { version: Version::new(1, 35, 1), published: now };
    let releases = Feed { source: "seed".to_owned(), read_at: now, entries: vec![release] };
    Feeds { releases: Answer::Given(releases), support: built_in_support(), ..Feeds::default() }
}

/// Puts something else in the place of the value that is found at a number, counted from the top.
fn replaced(tree: &mut Value, at: usize, with: &Value) {
    fn walk(node: &mut Value, left: &mut usize, with: &Value) -> bool {
        if *left == 0 {
            *node = with.clone();
            return true;
        }
        *left -= 1;
        match node {
            Value::Array(items) => items.iter_mut().any(|item| walk(item, left, with)),
            Value::Object(map) => map.values_mut().any(|item| walk(item, left, with)),
            _ => false,
        }
    }
    walk(tree, &mut at.clone(), with);
}

fn size(tree: &Value) -> usize {
    1 + match tree {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(vec![
            json!(null),
            json!(true),
            json!(-1),
            json!(0),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(1e308),
            json!(""),
            json!([]),
            json!({}),
            json!([null, 7, "x"]),
            json!("9999-12-31T23:59:59Z"),
            json!("0000-01-01"),
            json!("last-99999999999999999999"),
            json!("SCS-99999999999V-0.5"),
            json!("http://"),
            json!("\u{85}\u{2028}"),
            json!("[scs:"),
            json!("-9999-01-01T00:00:00Z"),
            json!("4294967296.0.0"),
        ]),
        "[\\x01-\\x7f\u{80}-\u{ff}\u{feff}\u{1f600}]{0,12}".prop_map(Value::from),
    ]
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    // Each of them is judged by all testcases in both modes and written in all forms.
    #![proptest_config(cases(8))]

    #[test]
    fn a_snapshot_of_anything_is_judged_and_reported(
        changes in prop::collection::vec((any::<prop::sample::Index>(), values()), 0..12),
    ) {
        let mut tree = snapshot();
        for (at, with) in changes {
            let mut next = tree.clone();
            replaced(&mut next, 1 + at.index(size(&tree) - 1), &with);
            // What is no snapshot any more is refused, and the next change is made without this one.
            if snapshots::holds(next.to_string().as_bytes()) {
                tree = next;
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_scope_file_is_read_or_refused_with_a_reason(seed in prop::sample::select(SCOPES.to_vec()), changes in changes()) {
        scope_files::holds(&changed(seed, &changes));
    }

    #[test]
    fn a_kubeconfig_leads_to_a_cluster_or_is_refused(changes in changes()) {
        let seed = "current-context: a\ncontexts:\n- name: a\n  context: {cluster: c, user: u}\nclusters:\n\
            - name: c\n  cluster:\n    server: https://k.example:6443/x?y#z\n    certificate-authority-data: c2VjcmV0\n\
            users:\n- name: u\n  user: {token: abc, client-key-data: c2VjcmV0, tokenFile: '', exec: null}\n";
        kubeconfigs::holds(&changed(seed, &changes));
    }

    #[test]
    fn nothing_counts_that_the_key_has_not_signed(which in 0_u8..4, changes in changes()) {
        let seed = match which {
            0 | 1 => key().sign(seal::NAMESPACE, b"something that somebody has signed"),
            2 => key().public_line() + " somebody else",
            _ => PRIVATE.to_owned(),
        };
        let mut bytes = vec![which];
        bytes.extend_from_slice(changed(&seed, &changes).as_bytes());
        signatures::holds(&bytes);
    }

    #[test]
    fn what_is_published_is_read_or_left_out(
        which in 0_usize..6, changes in prop::collection::vec((any::<prop::sample::Index>(), values()), 0..4),
        text in changes(),
    ) {
        let mut page = publications()[which].clone();
        for (at, with) in changes {
            let at = at.index(size(&page));
            replaced(&mut page, at, &with);
        }
        let written = page.to_string();
        version_feeds::holds(written.as_bytes());
        version_feeds::holds(changed(&written, &text).as_bytes());
        version_feeds::holds(changed("v1.35.1-rc.1+k3s1", &text).as_bytes());
    }
}

fn publications() -> [Value; 6] {
    let record = |version: &str, key: &str| {
        json!({ "cveMetadata": { "cveId": "CVE-2026-1", "datePublished": "2026-10-01T00:00:00" },
            "containers": { "cna": { "metrics": [{ "cvssV3_1": { "baseScore": 9 } }], "affected": [{
                "product": "Kubernetes",
                "versions": [{ "version": version, key: "1.35.4", "status": "affected" }] }] } } })
    };
    [
        json!([{ "tag_name": "v1.34.1", "published_at": "2026-01-02T00:00:00Z" },
            { "tag_name": "v1.35.0", "published_at": "2026-02-02T00:00:00Z", "prerelease": false }]),
        json!([{ "cycle": "1.35", "eol": "2027-02-28" }, { "cycle": "1.34", "eol": "2026-10-27" }]),
        json!({ "items": [{ "id": "CVE-2026-1234" }, { "id": "../x" }] }),
        record("1.11.x", "lessThan"),
        record("1.5.0 - 1.6.x", "other"),
        snapshot()["feeds"].clone(),
    ]
}

/// A key that was made for this and opens nothing.
fn key() -> SigningKey {
    SigningKey::parse(PRIVATE).unwrap()
}

const PRIVATE: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\n\
    b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n\
    QyNTUxOQAAACDcSFmOhWQoQsQUBcLRiML73SdsKTfxeZSee4EbTlbpqwAAAJD5bhgM+W4Y\n\
    DAAAAAtzc2gtZWQyNTUxOQAAACDcSFmOhWQoQsQUBcLRiML73SdsKTfxeZSee4EbTlbpqw\n\
    AAAECrbcSBXKzedrTOqd9UUTuxl98WA/9dhggV2xT3vZpz+9xIWY6FZChCxBQFwtGIwvvd\n\
    J2wpN/F5lJ57gRtOVumrAAAAB2V4YW1wbGUBAgMEBQY=\n\
    -----END OPENSSH PRIVATE KEY-----\n";

//! Files with comments and habits of all kinds in, the same files with other values out.

use proptest::prelude::*;

use super::*;
use crate::Catalogue;

fn catalogue(text: &str) -> Catalogue {
    let source = SourceFile::new("a.yml", text);
    match Catalogue::from_sources(vec![("a.yml".into(), source)], Vec::new()) {
        Ok(catalogue) => catalogue,
        Err(error) => panic!("{}\n{text}", error.report()),
    }
}

fn build() -> Build {
    Build {
        version: "20261113".to_owned(),
        url: "https://h.example/20261113/x.qcow2".to_owned(),
        checksum: format!("sha256:{}", "d".repeat(64)).parse().ok(),
        build_date: "2026-11-13".parse().ok(),
    }
}

fn edited(text: &str, history: History) -> Result<String, EditError> {
    edit(text, &catalogue(text).definitions[0], &build(), history)
}

const TWO: &str = "---\n# The catalogue.\nimages:\n\n  - name: 'X'   # a comment\n    shortname: x\n    format: qcow2\n    \
    meta: {os_distro: debian, uuid_validity: last-2} # kept\n    versions:\n      # the old one\n      \
    - version: '20260901'  # pinned\n        url: https://h.example/20260901/x.qcow2\n        checksum: sha256:00\n\n      \
    # the new one\n      - build_date: 2026-10-01\n        checksum: \n          \"sha256:11\"  # of the file\n        \
    url: >-\n          https://h.example/20261001/x.qcow2\n        \
    mirror_url: https://m.example/b/openstack-images/x/20261001-x.qcow2\n        id: 8a3bd1e6-41f1-4f3b-8b3e-1a7a2a0d3f10\n        \
    version: '20261001'\n\n  - name: Y\n    versions: []\n";

#[test]
fn a_rewritten_entry_keeps_its_comments_order_and_styles() {
    let new = edited(TWO, History::Replace).unwrap();
    let expected = TWO
        .replace("2026-10-01", "2026-11-13")
        .replace("sha256:11", &format!("sha256:{}", "d".repeat(64)))
        .replace("20261001", "20261113");
    assert_eq!(new, expected);
}

#[test]
fn a_new_entry_is_shaped_like_the_newest_and_the_oldest_goes() {
    let new = edited(TWO, History::Keep).unwrap();
    let gone = "      - version: '20260901'  # pinned\n        url: https://h.example/20260901/x.qcow2\n        checksum: sha256:00\n";
    let added = format!(
        "      - build_date: 2026-11-13\n        checksum: \n          \"sha256:{}\"\n        url: >-\n          \
         https://h.example/20261113/x.qcow2\n        \
         mirror_url: https://m.example/b/openstack-images/x/20261113-x.qcow2\n        version: '20261113'\n",
        "d".repeat(64)
    )
    .replace("\"\n        url", "\"\n        url");
    let expected = TWO
        .replace(gone, "")
        .replace("        version: '20261001'\n", &format!("        version: '20261001'\n{added}"));
    assert_eq!(new, expected);
}

#[test]
fn a_definition_without_history_is_rewritten() {
    for validity in ["none", "last-1", "forever"] {
        let text = format!(
            "images:\n- name: X\n  meta:\n    uuid_validity: {validity}\n  versions:\n  - version: \"1\"\n    url: https://h/1\n"
        );
        let new = edited(&text, History::Keep).unwrap();
        assert_eq!(new, text.replace("\"1\"", "\"20261113\"").replace("https://h/1", &build().url));
    }
}

#[test]
fn a_definition_with_several_versions_keeps_them_all() {
    let text =
        "images:\n- name: X\n  multi: false\n  versions:\n  - {version: \"2\", url: https://h/2}\n";
    assert!(edited(text, History::Keep).is_ok(), "one entry in brackets can be rewritten");
    let text = "images:\n- name: X\n  versions:\n  - version: \"2\"\n    url: https://h/2\n    hidden: false\n  - version: \"1\"\n    url: https://h/1\n    hidden: true";
    let new = edited(text, History::Keep).unwrap();
    let added = "  - version: \"20261113\"\n    url: https://h.example/20261113/x.qcow2\n";
    assert_eq!(new, text.replacen("  - version", &format!("{added}  - version"), 1));
}

#[test]
fn a_link_that_moved_on_leaves_no_entry_without_content() {
    let text = "images:\n- name: X\n  meta:\n    uuid_validity: last-3\n  versions:\n  - version: '20261001'\n    url: https://h.example/20261113/x.qcow2\n";
    let new = edited(text, History::Keep).unwrap();
    assert_eq!(new, text.replace("20261001", "20261113"));
}

#[test]
fn carriage_returns_byte_order_marks_and_missing_ends_stay() {
    let text = "\u{feff}images:\r\n- name: Ünïcödé\r\n  meta: {uuid_validity: last-3}\r\n  versions:\r\n  - version: '1'\r\n    url: https://h/1";
    let new = edited(text, History::Keep).unwrap();
    let added = "\r\n  - version: '20261113'\r\n    url: https://h.example/20261113/x.qcow2";
    assert_eq!(new, format!("{text}{added}"));
}

#[test]
fn what_stands_elsewhere_is_left_to_people() {
    let alias =
        "x: &u https://h/1\nimages:\n- name: X\n  versions:\n  - version: '1'\n    url: *u\n";
    assert_eq!(edited(alias, History::Keep), Err(EditError::Elsewhere("url")));
    let anchor = "images:\n- name: X\n  versions:\n  - version: &v '1'\n    url: https://h/1\n    os_version: *v\n";
    assert_eq!(edited(anchor, History::Keep), Err(EditError::Unintended));
    let merged =
        "b: &b {url: https://h/1}\nimages:\n- name: X\n  versions:\n  - <<: *b\n    version: '1'\n";
    assert_eq!(edited(merged, History::Keep), Err(EditError::Elsewhere("url")));
    let flow = "images:\n- name: X\n  meta: {uuid_validity: last-3}\n  versions: [{version: '1', url: https://h/1}]\n";
    assert_eq!(edited(flow, History::Keep), Err(EditError::Shape));
    let unknown = "images:\n- name: X\n  versions:\n  - version: '1'\n    url: https://h/1\n    mirror_url: https://m/x\n";
    assert_eq!(edited(unknown, History::Keep), Err(EditError::Mirror));
}

#[test]
fn an_anchored_value_nobody_refers_to_can_be_rewritten() {
    let text = "images:\n- name: X\n  versions:\n  - version: &v !!str 1\n    url: https://h/1\n";
    let new = edited(text, History::Keep).unwrap();
    assert!(new.contains("version: &v !!str '20261113'\n"), "{new}");
}

/// A value in one of the ways in which people write it, behind its key.
fn value(text: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        Just(format!(" '{text}'")),
        Just(format!(" \"{text}\"")),
        Just(format!("   '{text}'   # why\t# not")),
        Just(format!("\n          '{text}'")),
        Just(format!("  # before\n          \"{text}\"  # ünder")),
        Just(format!(" >-\n          {text}")),
        Just(format!(" |-\n           {text}\n\n")),
        Just(format!(" !!str '{text}'")),
    ]
}

fn noise() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(String::new()),
        1 => Just("\n".to_owned()),
        1 => Just("        # - version: 'not this'\n".to_owned()),
        1 => Just("# ünïcode: [\n".to_owned()),
    ]
}

/// An entry of `versions` with its keys in any order.
fn entry(version: &'static str) -> impl Strategy<Value = String> {
    let url = if version == "20260801" { "https://h/a#b" } else { "https://h.example/20260901/x" };
    let keys = (
        value(version).prop_map(|text| format!("version:{text}")),
        value(url).prop_map(|text| format!("url:{text}")),
        value("sha256:00").prop_map(|text| format!("checksum:{text}")),
        prop_oneof![
            Just("build_date: 2026-09-01".to_owned()),
            Just("build_date: '2026-09-01'".to_owned())
        ],
        prop_oneof![
            Just("os_version: \"9\"".to_owned()),
            Just("meta:\n          a: 'b'  # c\n          d: [1, 2]".to_owned()),
            Just("meta: {patchlevel: '3',\n          x: y}".to_owned()),
        ],
    );
    keys.prop_flat_map(|(a, b, c, d, e)| {
        (Just(vec![a, b, c, d, e]).prop_shuffle(), proptest::collection::vec(noise(), 5))
    })
    .prop_map(|(keys, noise)| {
        let mut text = String::new();
        for (at, (key, noise)) in keys.iter().zip(&noise).enumerate() {
            let (lead, noise) =
                if at == 0 { ("      - ", "") } else { ("        ", noise.as_str()) };
            text.extend([noise, lead, key, "\n"]);
        }
        text
    })
}

fn file() -> impl Strategy<Value = String> {
    let entries = (entry("20260801"), entry("20260901"), any::<bool>(), 0..3_usize);
    let around = (noise(), noise(), prop_oneof![Just("last-3"), Just("last-2"), Just("none")]);
    (entries, around, any::<bool>()).prop_map(|((old, new, flip, before), (a, b, validity), crlf)| {
        let other = "  - name: Other  # o\n    versions:\n    - {version: '1', url: 'https://o/1'}\n";
        let (one, two) = if flip { (new, old) } else { (old, new) };
        let text = format!(
            "{a}images:\n{}{b}  - name: X\n    meta:\n      uuid_validity: {validity}\n    versions:\n{one}{b}{two}{a}{other}",
            other.repeat(before)
        );
        if crlf { text.replace('\n', "\r\n") } else { text }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The oracle is the parser: before and after, everything but the intended is equal.
    #[test]
    fn only_what_is_meant_changes(text in file(), replace in any::<bool>()) {
        let before = catalogue(&text);
        let definition = before.definitions.iter().find(|one| one.name == "X").unwrap();
        let history = if replace { History::Replace } else { History::Keep };
        let new = edit(&text, definition, &build(), history);
        let new = new.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        let after = catalogue(&new);
        prop_assert_eq!(before.definitions.len(), after.definitions.len());
        for (old, new) in before.definitions.iter().zip(&after.definitions) {
            prop_assert_eq!(&old.meta, &new.meta);
            prop_assert!(old.name == "X" || old.versions == new.versions);
        }
        let edited = &after.definitions[definition.index];
        let newest = edited.newest().unwrap();
        prop_assert_eq!(&newest.version, "20261113");
        prop_assert_eq!(&newest.url, &build().url);
        prop_assert_eq!(newest.date(), build().build_date);
        let count = match (replace, definition.last()) {
            (true, _) | (false, Some(2)) => 2,
            (false, _) => 3,
        };
        prop_assert_eq!(edited.versions.len(), count);
        // Comments between and beside entries that stay are all there, in their order.
        let comments = |text: &str| -> Vec<String> {
            text.lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect()
        };
        if replace {
            prop_assert_eq!(comments(&text), comments(&new));
            prop_assert_eq!(text.lines().count(), new.lines().count());
            prop_assert_eq!(text.matches("# ").count(), new.matches("# ").count());
        }
        prop_assert_eq!(text.contains("\r\n"), new.contains("\r\n"));
        prop_assert_eq!(new.matches('\n').count(), new.matches(if text.contains("\r\n") { "\r\n" } else { "\n" }).count());
    }
}

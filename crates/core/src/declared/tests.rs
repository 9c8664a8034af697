use std::collections::BTreeMap;

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

use super::*;
use crate::error::Explain as _;

fn file(text: &str) -> SourceFile {
    SourceFile::new("estate.yaml", text)
}

fn json(text: &str) -> serde_json::Value {
    parse(&file(text)).unwrap().to_json()
}

/// Every complaint as `line:column message | help`.
fn complaints(text: &str) -> Vec<String> {
    parse(&file(text)).unwrap_err().iter().map(brief).collect()
}

fn brief(diagnostic: &Diagnostic) -> String {
    let Span { line, column, .. } = diagnostic.span;
    let help = diagnostic.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
    format!("{line}:{column} {}{help}", diagnostic.message)
}

fn rejected<T: serde::de::DeserializeOwned + JsonSchema + std::fmt::Debug>(
    text: &str,
) -> Vec<String> {
    load::<T>(&file(text)).unwrap_err().diagnostics().iter().map(brief).collect()
}

#[test]
fn scalars_collections_and_folding_are_read_as_pyyaml_reads_them() {
    let read = json(
        "---\na: yes\nb: 0755\nurl:\n  http://x/\n  y\nd: 2024-08-19\nl:\n- ~\n- '1'\n- 1.5\n",
    );
    let expected = serde_json::json!({
        "a": true, "b": 493, "url": "http://x/ y", "d": "2024-08-19", "l": [null, "1", 1.5]
    });
    assert_eq!(read, expected);
}

#[test]
fn an_empty_file_is_a_null() {
    for text in ["", "---\n", "# only a comment\n", "\u{feff}"] {
        assert_eq!(json(text), serde_json::Value::Null, "{text:?}");
    }
}

#[test]
fn keys_keep_their_order_and_their_text() {
    let tree = parse(&file("z: 1\nno: 2\n1.10: 3\n")).unwrap();
    let keys: Vec<_> = tree.entries().iter().map(|entry| &*entry.key).collect();
    assert_eq!(keys, ["z", "no", "1.10"]);
}

#[test]
fn merge_keys_follow_pyyaml() {
    let text =
        "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 3}\nd:\n  <<: *a\n  <<: *b\n";
    let read = json(text);
    assert_eq!(read["c"], serde_json::json!({"x": 3, "y": 1, "z": 2}));
    assert_eq!(read["d"], serde_json::json!({"x": 1, "y": 2, "z": 2}));
    assert_eq!(json("{'<<': 1}"), serde_json::json!({"<<": 1}));
    assert_eq!(
        complaints("<<: 3\n"),
        ["1:5 `<<` takes a mapping or a list of mappings, not an integer"]
    );
}

#[test]
fn a_key_given_twice_names_both_places() {
    let found = parse(&file("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n")).unwrap_err();
    assert_eq!(
        brief(&found[0]),
        "5:3 the key \"c\" is given twice; first in line 3 | keep one of the two"
    );
    assert_eq!((found[0].also[0].span.line, found[0].also[0].span.column), (3, 3));
}

#[test]
fn what_is_not_one_yaml_document_is_refused_with_a_place() {
    assert_eq!(
        complaints("a: 1\n---\nb: 2\n"),
        [
            "2:1 a second document begins here; one file holds one document | put it into a file of its own"
        ]
    );
    assert!(complaints("a: b: c\n")[0].starts_with("1:5 this is not valid YAML"));
    assert!(complaints("a:\n\t- b\n")[0].starts_with("2:"));
    assert!(complaints("a: [1, 2\n")[0].contains("not valid YAML"));
    assert!(complaints("a: *nowhere\n")[0].contains("not valid YAML"));
    assert_eq!(
        complaints("a: !secret x\n"),
        ["1:4 the tag \"secret\" is not supported | write the value without a tag"]
    );
    assert_eq!(complaints("a: \0b\n"), ["1:1 the file contains a NUL character"]);
}

#[test]
fn dates_that_do_not_exist_and_numbers_too_large_are_refused() {
    assert_eq!(
        complaints("a: 2024-02-30\nb: 99999999999999999999\n"),
        [
            "1:4 `2024-02-30` cannot be read: it has the form of a date, but there is no such date | \
             write \"2024-02-30\" if the text is meant",
            "2:4 `99999999999999999999` cannot be read: the number does not fit into 64 bits | \
             write \"99999999999999999999\" if the text is meant",
        ]
    );
}

#[test]
fn an_alias_bomb_is_refused_before_it_grows() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let parent = format!("*a{}", level - 1);
        text = format!("{text}a{level}: &a{level} [{}]\n", [parent.as_str(); 10].join(", "));
    }
    assert!(complaints(&text)[0].contains("expand to too much"));
    let long = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(1000));
    assert!(complaints(&long)[0].contains("expand to too much"));
}

/// Work that grows with the square of the length would keep this test busy for hours.
#[test]
fn long_files_of_any_shape_are_read_or_refused_in_the_time_their_length_deserves() {
    let n = 500_000;
    let keys = (0..n / 10).map(|key| format!("k{key}: v")).collect::<Vec<_>>().join("\n");
    for text in [
        ": ".repeat(n),
        "k: v\n".repeat(n),
        "- 2024-99-99\n".repeat(n / 10),
        format!("password:\n{}", "  a: a\n".repeat(n / 10)),
        format!("crew: [{}", "no, ".repeat(n)),
        format!("cargo: {{{}}}", "a: b, ".repeat(n / 10)),
        "\t".repeat(n),
        "? ".repeat(n),
        format!("a: &a x\nb: [{}]", "*a, ".repeat(n / 10)),
    ] {
        let error = load::<Ship>(&file(&text)).unwrap_err();
        let found = error.diagnostics().len();
        assert!((1..=MAX_COMPLAINTS).contains(&found), "{found} complaints");
    }
    assert_eq!(parse(&file(&keys)).unwrap().entries().len(), n / 10);
}

#[test]
fn an_alias_inside_what_it_names_is_refused() {
    assert!(complaints("a: &a [*a]\n")[0].contains("inside the value that it names"));
}

#[test]
fn deep_nesting_is_refused() {
    assert!(complaints(&"- ".repeat(100_000))[0].contains("levels deep"));
    assert!(!complaints(&"[".repeat(100_000)).is_empty());
    assert!(!complaints(&"{a: ".repeat(100_000)).is_empty());
}

#[test]
fn json_pointers_find_nodes_and_places() {
    let tree = parse(&file("images:\n  - name: x\n    meta:\n      a/b: 1\n")).unwrap();
    let meta = pointer(["images", "0", "meta", "a/b"]);
    assert_eq!(meta, "/images/0/meta/a~1b");
    assert_eq!(&*tree.at(&meta).unwrap().raw, "1");
    let place = |pointer| (tree.span_of(pointer).line, tree.span_of(pointer).column);
    assert_eq!(place("/images/0/meta"), (3, 5));
    assert_eq!(place("/images/0/meta/missing/more"), (3, 5));
    assert_eq!(place("/images/0/name"), (2, 11));
    assert_eq!(place(""), (1, 1));
}

/// A type with what the schemas of the project use.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only loading is tested")]
struct Ship {
    /// What it is called.
    name: String,
    kind: Kind,
    length: Option<u16>,
    #[serde(default)]
    crew: Vec<Sailor>,
    #[serde(default)]
    cargo: BTreeMap<String, f64>,
    built: Option<jiff::civil::Date>,
    #[serde(default)]
    afloat: bool,
    home: Option<Home>,
    #[serde(default)]
    password: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// With sails.
    Sailing,
    /// With an engine.
    Motor,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only loading is tested")]
struct Sailor {
    name: String,
    rank: u8,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
#[allow(dead_code, reason = "only loading is tested")]
enum Home {
    Harbour { city: String },
    Mooring { river: String, kilometre: f64 },
}

const SHIP: &str = "name: Anna\nkind: sailing\n";

#[test]
fn a_file_that_fits_becomes_the_type_and_keeps_its_places() {
    let text = format!(
        "{SHIP}length: 0x20\nbuilt: 1901-02-03\ncrew:\n- {{name: 'Yes', rank: 1}}\ncargo: {{tea: 1, rum: .5}}\n\
         home: {{type: mooring, river: Elbe, kilometre: 623}}\n"
    );
    let ship = load::<Ship>(&file(&text)).unwrap();
    assert_eq!((ship.length, ship.crew[0].name.as_str()), (Some(32), "Yes"));
    assert_eq!(ship.built, Some(jiff::civil::date(1901, 2, 3)));
    assert!(matches!(&ship.home, Some(Home::Mooring { kilometre, .. }) if *kilometre > 622.5));
    assert_eq!(ship.span_of("/crew/0/rank").line, 6);
}

#[test]
fn all_complaints_come_at_once_each_at_its_place() {
    let text = "nmae: Anna\nkind: saling\nlength: 70000\ncrew:\n  - name: no\n    rank: high\n    shoe: 43\ncargo:\n  tea: much\n";
    assert_eq!(
        rejected::<Ship>(text),
        [
            "1:1 unknown key \"nmae\" | did you mean \"name\"?",
            "1:1 the key \"name\" is missing | name: What it is called.",
            "2:7 \"kind\" cannot be \"saling\" | did you mean \"sailing\"?",
            "3:9 70000 is too large; the most is 65535",
            "5:11 `no` is read as the boolean false (YAML 1.1), but \"name\" must be text | \
             write \"no\" if the text is meant",
            "6:11 \"rank\" must be an integer, not text",
            "7:5 unknown key \"shoe\" | known keys: name, rank",
            "9:8 \"tea\" must be a number, not text",
        ]
    );
}

#[test]
fn types_that_yaml_takes_for_others_are_explained() {
    let with = |more: &str| rejected::<Ship>(&format!("{SHIP}{more}"));
    assert_eq!(
        with("crew:\n- {name: 2024-08-19, rank: '3'}\n"),
        [
            "4:10 `2024-08-19` is read as a date (YAML 1.1), but \"name\" must be text | \
             write \"2024-08-19\" if the text is meant",
            "4:28 \"rank\" must be an integer, not text | write 3 without quotes",
        ]
    );
    assert_eq!(
        with("afloat: \"yes\"\n"),
        ["3:9 \"afloat\" must be true or false, not text | write yes without quotes"]
    );
    assert_eq!(
        with("crew:\n"),
        ["3:1 \"crew\" must be a list, but nothing stands here | write a value, or remove the key"]
    );
    assert_eq!(
        with("built: 3.2.1901\n"),
        ["3:8 \"3.2.1901\" is not a date | write it as YYYY-MM-DD"]
    );
    assert_eq!(with("cargo: [1]\n"), ["3:1 \"cargo\" must be a mapping, not a list"]);
}

#[test]
fn the_complaints_of_the_alternative_that_was_meant_are_shown() {
    let with = |more: &str| rejected::<Ship>(&format!("{SHIP}{more}"));
    assert_eq!(
        with("home: {type: mooring, rivr: Elbe, kilometre: 1}\n"),
        ["3:1 the key \"river\" is missing", "3:23 unknown key \"rivr\" | did you mean \"river\"?",]
    );
    assert_eq!(with("home: 5\n"), ["3:7 \"home\" must be a mapping, not an integer"]);
}

#[test]
fn the_values_of_secret_keys_are_never_repeated() {
    let error = load::<Ship>(&file(&format!("{SHIP}password: 4711\n"))).unwrap_err();
    let DeclaredError::Invalid { diagnostics } = &error else { panic!("{error}") };
    assert_eq!(diagnostics.len(), 1);
    let everything = format!("{error} {error:?} {} {:?}", error.report(), error.hints());
    assert!(!everything.contains("4711"), "{everything}");
}

#[test]
fn a_conversion_of_the_type_itself_fails_at_its_place() {
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Holder {
        #[expect(dead_code, reason = "only loading is tested")]
        list: Vec<Even>,
    }
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(try_from = "u8")]
    #[schemars(with = "u8")]
    struct Even;
    impl TryFrom<u8> for Even {
        type Error = String;
        fn try_from(value: u8) -> Result<Self, String> {
            if value.is_multiple_of(2) { Ok(Self) } else { Err(format!("{value} is odd")) }
        }
    }
    assert_eq!(rejected::<Holder>("list:\n  - 2\n  - 3\n"), ["3:5 3 is odd"]);
}

#[test]
fn files_that_cannot_be_read_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let error = SourceFile::read(&dir.path().join("none.yaml")).unwrap_err();
    assert!(error.to_string().ends_with("none.yaml cannot be read"));
    let path = dir.path().join("latin1.yaml");
    std::fs::write(&path, b"a: 1\nb: \xfc\n").unwrap();
    let error = SourceFile::read(&path).unwrap_err();
    assert_eq!(
        brief(&error.diagnostics()[0]),
        "2:1 the file is not UTF-8 text | save the file as UTF-8"
    );
    std::fs::write(&path, vec![b' '; MAX_BYTES + 1]).unwrap();
    assert!(SourceFile::read(&path).unwrap_err().to_string().contains("bytes allowed"));
}

/// Text that looks like YAML more often than noise does.
fn yamlish() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "a",
        "b: ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "&x ",
        "*x",
        "<<: ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "? ",
        "'",
        "\"",
        "|\n",
        ">-\n",
        "!!int ",
        "! ",
        "#c",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "\t",
        "1:30",
        "2024-01-01",
        "ü",
        "\r\n",
        "\u{85}",
        "\\x",
        "~",
        ": ",
        "name: ",
        "kind: motor\n",
        "\u{2028}",
    ]);
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_reading_panic_and_every_place_is_in_the_file(text in yamlish()) {
        if let Err(DeclaredError::Invalid { diagnostics }) = load::<Ship>(&file(&text)) {
            prop_assert!(!diagnostics.is_empty());
            for diagnostic in diagnostics {
                prop_assert!(diagnostic.span.line >= 1 && diagnostic.span.column >= 1);
                prop_assert!(diagnostic.span.length >= 1);
                prop_assert!(!diagnostic.to_string().is_empty());
            }
        }
    }

    #[test]
    fn arbitrary_characters_do_not_make_reading_panic(text in "\\PC{0,200}|(?s).{0,200}") {
        drop(parse(&file(&text)));
    }
}

use jiff::civil::date;

use super::*;

const MODULAR: &str = "\
uuid: 7d0f
name: Example
url: https://example.org/scope
scripts:
- executable: ./all.py
  testcases:
  - {id: one, lifetime: month, url: 'https://example.org/one'}
  - {id: two, section: heavy}
  - {id: three}
- testcases:
  - {id: by-hand}
modules:
- id: base
  targets:
    main: [two, one]
- id: more
  targets:
    main: [one, three]
    recommended: [by-hand]
versions:
- {version: next, include: [base, {ref: more, parameters: {a: b}}]}
- {version: v1, stabilized_at: 2024-02-28, include: [base]}
timeline:
- {date: 2025-01-01, versions: {v1: effective}}
- {date: 2026-01-01, versions: {next: draft, v1: warn}}
";

const GROUPED: &str = "\
uuid: 7d0f
name: Example
groups:
- {id: all, include: [base, three]}
- {id: base, url: 'https://example.org/base', include: [two, one]}
versions:
- {version: v2, attn: 1, test: all}
timeline:
- {date: 2026-01-01, versions: {v2: effective}}
";

fn read(text: &str, mode: Mode) -> Result<Spec, DeclaredError> {
    Spec::from_source(&SourceFile::new("scope.yaml", text), mode)
}

fn complaint(text: &str, mode: Mode) -> String {
    read(text, mode).expect_err("a mistake").report()
}

#[test]
fn a_version_is_the_union_of_its_modules() {
    let spec = read(MODULAR, Mode::Upstream).unwrap();
    let next = spec.version("next").unwrap();
    assert_eq!(next.target(MAIN), ["one", "three", "two"]);
    assert_eq!(next.target("recommended"), ["by-hand"]);
    assert_eq!(next.testcases(), ["one", "three", "two", "by-hand"]);
    assert!(spec.testcases["by-hand"].manual);
    assert_eq!(spec.testcases["one"].lifetime, Lifetime::Month);
    assert_eq!((spec.testcases["one"].attention, spec.testcases["three"].attention), (1, 0));
}

#[test]
fn groups_are_flattened_and_lend_their_address() {
    let spec = read(GROUPED, Mode::Upstream).unwrap();
    assert_eq!(spec.version("v2").unwrap().target(MAIN), ["one", "three", "two"]);
    assert_eq!(spec.testcases["one"].url, "https://example.org/base");
}

#[test]
fn the_newest_entry_of_the_timeline_counts() {
    let spec = read(MODULAR, Mode::Upstream).unwrap();
    let names = |day| -> Vec<_> {
        spec.chosen(&[], day).map_or_else(
            |_| Vec::new(),
            |versions| versions.into_iter().map(|version| version.name.as_str()).collect(),
        )
    };
    assert_eq!(names(date(2024, 12, 31)), Vec::<&str>::new());
    assert_eq!(names(date(2025, 6, 1)), ["v1"]);
    assert_eq!(names(date(2026, 1, 1)), ["next", "v1"]);
    assert_eq!(spec.validity("next", date(2025, 6, 1)), None);
    assert_eq!(spec.validity("v1", date(2027, 1, 1)), Some(Validity::Warn));
    assert!(spec.chosen(&["v9".to_owned()], date(2026, 1, 1)).is_err());
}

#[test]
fn keys_that_upstream_does_not_know_end_its_loading_and_are_noted_by_ours() {
    let text = MODULAR.replace("name: Example", "name: Example\nowner: me");
    assert!(complaint(&text, Mode::Upstream).contains("\"owner\""));
    let spec = read(&text, Mode::Standard).unwrap();
    let noted: Vec<_> = spec.notes.iter().map(|note| &*note.message).collect();
    assert!(noted[0].contains("\"owner\""), "{noted:?}");
    assert_eq!(spec.notes[0].span.line, 3);
    // Upstream knows parameters of included modules; nothing of ours uses them.
    assert!(noted[1].contains("parameters of \"more\""), "{noted:?}");
    assert_eq!(noted.len(), 2);
}

#[test]
fn what_does_not_fit_together_is_named_with_its_place() {
    for (from, to, wanted) in [
        ("{id: three}", "{id: one}", "\"one\" is declared twice"),
        ("id: more", "id: base", "the module \"base\" is declared twice"),
        ("version: v1,", "version: next,", "the version \"next\" is declared twice"),
        ("include: [base]", "include: [bass]", "there is no module \"bass\""),
        ("main: [two, one]", "main: [two, four]", "there is no testcase \"four\""),
        ("{v1: effective}", "{v3: effective}", "there is no version \"v3\""),
        ("{v1: effective}", "{v1: valid}", "draft, effective, warn or deprecated"),
        ("lifetime: month", "lifetime: decade", "day, week, month"),
        ("2025-01-01", "soon", "a date is written"),
        ("uuid: 7d0f\n", "", "a scope has a uuid"),
    ] {
        assert!(MODULAR.contains(from), "{from}");
        let report = complaint(&MODULAR.replacen(from, to, 1), Mode::Standard);
        assert!(report.contains(wanted), "{wanted}: {report}");
    }
    let cycle = GROUPED.replace("[two, one]", "[all]");
    assert!(complaint(&cycle, Mode::Standard).contains("contain each other"));
}

#[test]
fn a_result_counts_for_its_lifetime() {
    let (first, last) = (date(2026, 1, 1), date(2026, 12, 31));
    for (lifetime, of_first, of_last) in [
        (Lifetime::Day, date(2026, 1, 3), date(2027, 1, 2)),
        (Lifetime::Week, date(2026, 1, 12), date(2027, 1, 11)),
        (Lifetime::Month, date(2026, 3, 1), date(2027, 2, 1)),
        (Lifetime::Quarter, date(2026, 7, 1), date(2027, 4, 1)),
        (Lifetime::Year, date(2027, 3, 1), date(2028, 2, 1)),
    ] {
        assert_eq!(lifetime.expires(first), Some(of_first), "{lifetime:?}");
        assert_eq!(lifetime.expires(last), Some(of_last), "{lifetime:?}");
    }
}

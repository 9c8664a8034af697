//! Definitions and a day in, ages and ends out.

use lotse_core::declared::SourceFile;

use super::*;
use crate::Catalogue;

fn definitions(names: &[(&str, &str)]) -> Vec<Definition> {
    let mut text = String::from("images:\n");
    for (name, version) in names {
        text.extend(["  - name: ", name, "\n    versions: [{version: '", version, "', url: u}]\n"]);
    }
    let source = SourceFile::new("a.yml", text);
    Catalogue::from_sources(vec![("a.yml".into(), source)], Vec::new()).unwrap().definitions
}

fn looked(names: &[(&str, &str)], today: &str) -> Ages {
    let all = definitions(names);
    let chosen: Vec<_> = all.iter().collect();
    ages(&chosen, &all, &EndOfLife::built_in().unwrap(), today.parse().unwrap(), 90)
}

#[test]
fn ages_are_counted_in_days_and_unknown_where_the_file_does_not_tell() {
    let ages = looked(&[("A", "20260801"), ("B", "20260901"), ("C", "1.11.3")], "2026-11-15");
    let shown: Vec<_> = ages.ages.iter().map(|age| (age.days, age.too_old)).collect();
    assert_eq!(shown, [(Some(106), true), (Some(75), false), (None, false)]);
    assert!(ages.failed());
}

#[test]
fn ends_come_nearer_and_pass() {
    let phase = |name, today| {
        let ages = looked(&[(name, "1")], today);
        let end = ages.ages[0].end.clone().unwrap();
        (end.phase, end.days)
    };
    assert_eq!(phase("Debian 12", "2026-01-01"), (Phase::Supported, 160));
    assert_eq!(phase("Debian 12", "2026-06-01"), (Phase::EndsSoon, 9));
    assert_eq!(phase("Debian 12 arm64", "2026-06-10"), (Phase::EndsSoon, 0));
    assert_eq!(phase("Debian 12", "2026-06-11"), (Phase::Extended, -1));
    assert_eq!(phase("Debian 12", "2028-07-01").0, Phase::Ended);
    assert_eq!(phase("CentOS Stream 8", "2026-11-15").0, Phase::Ended);
    assert_eq!(phase("Ubuntu 24.04 Minimal", "2026-11-15").0, Phase::Supported);
}

#[test]
fn releases_nobody_declared_are_told_where_an_older_one_is_declared() {
    let ages = looked(&[("Debian 11", "1"), ("Ubuntu 26.04", "1"), ("Other 1", "1")], "2026-11-15");
    let missing: Vec<_> = ages.missing.iter().map(|one| (&*one.product, &*one.release)).collect();
    assert_eq!(missing, [("debian", "13")], "12 has ended for everybody, 26.04 is declared");
    let early = looked(&[("Debian 11", "1")], "2023-06-09");
    assert_eq!(early.missing, [], "what has not come out is not missing");
}

#[test]
fn dates_are_refreshed_from_either_form_of_the_api() {
    let today = "2026-11-15".parse().unwrap();
    let mut data = EndOfLife::built_in().unwrap();
    let old = r#"[{"cycle":"14","releaseDate":"2027-06-01","eol":"2030-06-10","extendedSupport":"2032-06-30"},
        {"cycle":"9","eol":true,"lts":false},{"cycle":"8","eol":false}]"#;
    data.refresh("debian", old, today).unwrap();
    let debian = data.products.iter().find(|one| one.name == "debian").unwrap();
    let release = debian.release("14").unwrap();
    assert_eq!(release.eol, Some("2030-06-10".parse().unwrap()));
    assert_eq!(release.extended, Some("2032-06-30".parse().unwrap()));
    assert_eq!(debian.release("9").unwrap().eol, Some("2026-11-14".parse().unwrap()));
    assert_eq!(debian.release("8").unwrap().eol, None);
    let new = r#"{"schema_version":"1.2.0","result":{"name":"debian","releases":[
        {"name":"14","releaseDate":"2027-06-01","isEol":false,"eolFrom":"2030-06-11"}]}}"#;
    data.refresh("debian", new, today).unwrap();
    let debian = data.products.iter().find(|one| one.name == "debian").unwrap();
    assert_eq!(debian.release("14").unwrap().eol, Some("2030-06-11".parse().unwrap()));

    let form = data.refresh("debian", "{\"a\": 1}", today).unwrap_err().to_string();
    assert!(form.contains("no list of releases"), "{form}");
    assert!(data.refresh("debian", "<html>", today).is_err());
    let unknown = data.refresh("plan9", new, today).unwrap_err();
    assert_eq!(unknown, Refresh::Unknown("plan9".to_owned()));
}

#[test]
fn mistakes_in_a_file_of_dates_are_told_with_their_places() {
    let text = "state: 2026-13-01\nproducts: []\n";
    let report = EndOfLife::from_source(&SourceFile::new("e.yaml", text)).unwrap_err().report();
    assert!(report.contains("e.yaml:1:8:"), "{report}");
    let text = "state: 2026-11-01\nproducts:\n  - {name: x, definitions: 'x', releases: []}\n";
    let report = EndOfLife::from_source(&SourceFile::new("e.yaml", text)).unwrap_err().report();
    assert!(report.contains("e.yaml:3:28: this is no regular expression with a group"), "{report}");
}

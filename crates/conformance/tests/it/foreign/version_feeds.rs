//! What is published about versions, and versions themselves: any JSON is read or left out.

use lotse_conformance::Mode;
use lotse_conformance::feed::{Cve, Feeds, parse};
use lotse_conformance::kaas::Version;
use serde_json::Value;

pub(crate) fn holds(data: &[u8]) {
    if let Ok(feeds) = serde_json::from_slice::<Feeds>(data) {
        assert!(serde_json::from_str::<Feeds>(&feeds.to_text()).is_ok(), "written, and unreadable");
    }
    if let Ok(page) = serde_json::from_slice::<Value>(data) {
        published(&page);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(version) = Version::parse(text) {
        assert_eq!(Version::parse(&version.to_string()), Some(version), "{text}");
    }
    if let Some((version, _)) = Version::parse_vendored(text) {
        assert_eq!(Version::parse(&version.to_string()), Some(version), "{text}");
    }
}

fn published(page: &Value) {
    let releases = parse::releases(page).unwrap_or_default();
    assert!(releases.is_sorted_by(|one, next| one.version >= next.version), "newest first");
    let support = parse::support(page).unwrap_or_default();
    assert!(support.is_sorted_by_key(|one| one.branch), "oldest first");
    for id in parse::cves(page).unwrap_or_default() {
        assert!(!id.contains(['/', '?', '#', '.']), "an id that leads to another address: {id}");
    }
    let Some(cve) = Cve::from_record(page) else { return };
    for version in [Version::new(0, 0, 0), Version::new(1, 35, 1), Version::new(u32::MAX, 0, 0)] {
        let [upstream, standard] =
            [Mode::Upstream, Mode::Standard].map(|mode| cve.affects(version, mode));
        assert!(!upstream || standard, "the standard reads no range more narrowly");
    }
}

//! What publications look like.
//!
//! | what | form |
//! | --- | --- |
//! | releases | the list of releases of GitHub |
//! | ends of support | `endoflife.date`: `cycle`, `eol` |
//! | CVEs | the official feed of Kubernetes: a JSON Feed whose items have the `id` of a CVE |

use jiff::civil::Date;
use serde_json::Value;

use super::{Release, Support};
use crate::kaas::version::Version;

/// The releases of a list of GitHub, newest first; `None` if it is none. Drafts and what is not yet a
/// release are left out.
pub fn releases(page: &Value) -> Option<Vec<Release>> {
    let mut releases: Vec<Release> = page.as_array()?.iter().filter_map(release).collect();
    releases.sort_by_key(|release| std::cmp::Reverse(release.version));
    Some(releases)
}

fn release(entry: &Value) -> Option<Release> {
    let set = |key: &str| entry.get(key).and_then(Value::as_bool).unwrap_or(false);
    let tag = entry.get("tag_name")?.as_str()?;
    let published = entry.get("published_at")?.as_str()?.parse().ok()?;
    let (version, early) = Version::parse_vendored(tag)?;
    (!set("draft") && !set("prerelease") && !early).then_some(Release { version, published })
}

/// The ends of support, oldest branch first; `None` if it is something else.
pub fn support(page: &Value) -> Option<Vec<Support>> {
    let mut found: Vec<Support> = page.as_array()?.iter().filter_map(branch).collect();
    found.sort_by_key(|support| support.branch);
    Some(found)
}

fn branch(entry: &Value) -> Option<Support> {
    let branch = entry.get("cycle")?.as_str()?.parse().ok()?;
    let end: Date = entry.get("eol")?.as_str()?.parse().ok()?;
    Some(Support { branch, end })
}

/// The ids of the CVEs in the feed; `None` if it is something else.
pub fn cves(page: &Value) -> Option<Vec<String>> {
    let items = page.get("items")?.as_array()?;
    let ids = items.iter().filter_map(|item| item.get("id")?.as_str()).filter(|id| is_cve(id));
    Some(ids.map(ToOwned::to_owned).collect())
}

/// The id becomes part of an address.
fn is_cve(id: &str) -> bool {
    let numbers = id.strip_prefix("CVE-").and_then(|rest| rest.split_once('-'));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    id.len() < 30 && numbers.is_some_and(|(year, number)| digits(year) && digits(number))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn drafts_and_what_is_no_release_yet_are_left_out() {
        let page = json!([
            { "tag_name": "v1.34.1", "published_at": "2026-01-02T00:00:00Z" },
            { "tag_name": "v1.35.0-rc.1", "published_at": "2026-01-02T00:00:00Z" },
            { "tag_name": "v1.35.0", "published_at": "2026-02-02T00:00:00Z", "prerelease": false },
            { "tag_name": "v1.35.1", "published_at": "2026-02-02T00:00:00Z", "draft": true },
            { "tag_name": "v1.35.2", "published_at": null },
            { "tag_name": null },
            7,
        ]);
        let found = releases(&page).unwrap();
        let versions: Vec<_> = found.iter().map(|one| one.version.to_string()).collect();
        assert_eq!(versions, ["1.35.0", "1.34.1"]);
        assert!(releases(&json!({ "message": "API rate limit exceeded" })).is_none());
    }

    #[test]
    fn ends_of_support_and_cves_are_read_and_the_rest_is_left_out() {
        let page = json!([
            { "cycle": "1.35", "eol": "2027-02-28" },
            { "cycle": "1.34", "eol": "2026-10-27" },
            { "cycle": "1.99", "eol": false },
        ]);
        let found = support(&page).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].branch.to_string(), "1.34");
        let feed = json!({ "items": [{ "id": "CVE-2026-1234" }, { "id": "../x" }, { "id": "CVE-1-" }, {}] });
        assert_eq!(cves(&feed).unwrap(), ["CVE-2026-1234"]);
        assert!(cves(&json!([])).is_none());
    }
}

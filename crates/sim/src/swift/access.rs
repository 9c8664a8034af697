//! Who may do what: the members of the project, and whom a container's lists name.

use super::place::Place;
use crate::keystone::caller::Caller;

/// The roles that let people of the project do everything.
const OPERATORS: &[&str] = &["admin", "member"];

/// How somebody stands to an account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Access {
    /// Everything, and sees who else may.
    Owner,
    /// What was asked for.
    Granted,
    /// A known person who may not (403).
    Denied,
    /// Nobody knows who it is (401).
    Unknown,
}

/// A host that a request may come from, as `.r:` has it.
fn referrer_allowed(lists: &[&str], referrer: Option<&str>) -> bool {
    let host = referrer
        .and_then(|referrer| url::Url::parse(referrer).ok())
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_else(|| "unknown".to_owned());
    let mut allowed = false;
    for entry in lists {
        let Some(wanted) = entry.strip_prefix(".r:") else { continue };
        let (grants, wanted) = match wanted.strip_prefix('-') {
            Some(wanted) => (false, wanted),
            None => (true, wanted),
        };
        let meant =
            wanted == "*" || wanted == host || (wanted.starts_with('.') && host.ends_with(wanted));
        if meant {
            allowed = grants;
        }
    }
    allowed
}

/// Whether a list names the caller: `PROJECT:USER`, each by id, or `*`; or a role.
fn named(lists: &[&str], caller: &Caller) -> bool {
    lists.iter().any(|entry| {
        let Some((project, user)) = entry.split_once(':') else {
            return caller.has_role(entry);
        };
        !project.starts_with('.')
            && (project == "*" || caller.project() == Some(project))
            && (user == "*" || caller.user() == user)
    })
}

/// How the caller stands to what is asked for; `list` is the container's list of those who may read
/// or write, as the method needs it.
pub(crate) fn access(
    caller: Option<&Caller>,
    place: &Place,
    list: &str,
    referrer: Option<&str>,
) -> Access {
    let lists: Vec<&str> = list.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
    let by_referrer = referrer_allowed(&lists, referrer)
        && (place.object.is_some() || lists.contains(&".rlistings"));
    let Some(caller) = caller else {
        return if by_referrer { Access::Granted } else { Access::Unknown };
    };
    if caller.has_role("ResellerAdmin") {
        return Access::Owner;
    }
    let mine = caller.project() == Some(place.project.as_str());
    if mine && OPERATORS.iter().any(|role| caller.has_role(role)) {
        return Access::Owner;
    }
    let (by_id, by_role): (Vec<&str>, Vec<&str>) =
        lists.iter().partition(|entry| entry.contains(':'));
    if named(&by_id, caller) || by_referrer || (mine && named(&by_role, caller)) {
        return Access::Granted;
    }
    Access::Denied
}

/// A list as it is kept; the error says what is wrong with it.
pub(crate) fn clean(writing: bool, list: &str) -> Result<String, String> {
    let mut kept = Vec::new();
    for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let Some((first, second)) = entry.split_once(':') else {
            kept.push(entry.to_owned());
            continue;
        };
        let (first, second) = (first.trim(), second.trim());
        match first {
            ".r" | ".ref" | ".referer" | ".referrer" if writing => {
                return Err(format!("Referrers not allowed in write ACL: '{entry}'"));
            }
            ".r" | ".ref" | ".referer" | ".referrer" => {
                let (sign, host) = match second.strip_prefix('-') {
                    Some(host) => ("-", host.trim()),
                    None => ("", second),
                };
                let host = match host.strip_prefix('*') {
                    Some(rest) if !rest.is_empty() => rest.trim(),
                    _ => host,
                };
                if host.is_empty() || host == "." {
                    return Err(format!(
                        "No host/domain value after referrer designation in ACL: '{entry}'"
                    ));
                }
                kept.push(format!(".r:{sign}{host}"));
            }
            _ if first.starts_with('.') => {
                return Err(format!("Unknown designator '{first}' in ACL: '{entry}'"));
            }
            _ => kept.push(entry.to_owned()),
        }
    }
    Ok(kept.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_tidied_up_or_refused() {
        assert_eq!(clean(false, "bob , sue,,").as_deref(), Ok("bob,sue"));
        assert_eq!(clean(false, ".ref:*.example.com").as_deref(), Ok(".r:.example.com"));
        assert_eq!(clean(false, ".r:*, .rlistings").as_deref(), Ok(".r:*,.rlistings"));
        assert!(clean(false, ".r:").is_err());
        assert!(clean(true, ".r:*").is_err());
        assert!(clean(false, ".x:y").is_err());
    }

    #[test]
    fn later_words_on_hosts_count_more_than_earlier_ones() {
        let lists = [".r:*", ".r:-.thief.com"];
        assert!(referrer_allowed(&lists, None));
        assert!(referrer_allowed(&lists, Some("http://www.example.com/page")));
        assert!(!referrer_allowed(&lists, Some("http://www.thief.com/page")));
    }
}

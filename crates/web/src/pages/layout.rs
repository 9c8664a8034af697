//! What all pages share: title, navigation, who is signed in.

use lotse_core::time::Timestamp;

use crate::access::{Identity, Who};
use crate::shell::Shell;
use crate::text::shown;

/// The longest name in the head of a page.
const LONGEST_NAME: usize = 40;

/// The frame of a page.
#[derive(Debug)]
pub struct Layout {
    /// The heading, and the first word of the window's title.
    pub title: String,
    /// The version of the program.
    pub version: &'static str,
    /// `serve` or `demo`.
    pub mode: &'static str,
    /// The entries of the navigation that lead somewhere for who asks.
    pub navigation: Vec<NavLink>,
    /// Who is signed in; none for strangers.
    pub person: Option<String>,
    /// Whether somebody can sign in from here.
    pub offers_sign_in: bool,
    /// What forms carry; empty without a session.
    pub csrf: String,
    /// Whether the page changes by itself where scripts are allowed.
    pub live: bool,
}

/// An entry of the navigation.
#[derive(Debug)]
pub struct NavLink {
    /// Where it leads.
    pub href: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// Whether the page belongs to it.
    pub current: bool,
}

impl Layout {
    /// The frame around the page at this path.
    pub(crate) fn of(shell: &Shell, identity: &Identity, path: &str, title: &str) -> Self {
        let section = section(shell.navigation.iter().map(|item| item.href), path);
        let reached = shell.navigation.iter().filter(|item| identity.reaches(item.access));
        let navigation = reached.map(|item| NavLink {
            href: item.href,
            label: item.label,
            current: Some(item.href) == section,
        });
        let (person, csrf) = match &identity.who {
            Who::Stranger => (None, String::new()),
            Who::Person { name, credential, .. } => {
                (Some(shown(name, LONGEST_NAME)), credential.csrf().masked().unwrap_or_default())
            }
            Who::Token { name, .. } => (Some(shown(name, LONGEST_NAME)), String::new()),
        };
        Self {
            title: title.to_owned(),
            version: shell.about.version,
            mode: shell.about.mode,
            navigation: navigation.collect(),
            offers_sign_in: person.is_none() && path != "/sign-in",
            person,
            csrf,
            live: false,
        }
    }

    /// A page that changes by itself where scripts are allowed.
    #[must_use]
    pub fn live(self) -> Self {
        Self { live: true, ..self }
    }
}

/// The entry of the navigation that a page belongs to: `/images/prod` belongs to `/images`.
fn section<'a>(entries: impl Iterator<Item = &'a str>, path: &str) -> Option<&'a str> {
    let holds = |entry: &&str| {
        path.strip_prefix(*entry).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    entries.filter(holds).max_by_key(|entry| entry.len())
}

/// An instant as people read it, and as machines do.
#[derive(Debug)]
pub struct When {
    /// As in `2026-11-21T15:04:05Z`, for `datetime`.
    pub machine: String,
    /// As in `2026-11-21 15:04:05 UTC`.
    pub human: String,
}

impl From<Timestamp> for When {
    fn from(instant: Timestamp) -> Self {
        // 2026-11-21T15:04:05Z; without the letters it is easier to read and as exact.
        let machine = format!("{instant:.0}");
        let human = machine.replace('T', " ").replace('Z', " UTC");
        Self { machine, human }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_belongs_to_the_nearest_entry_above_it() {
        let of = |path| section(["/", "/images", "/images/drift", "/changes"].into_iter(), path);
        assert_eq!(of("/"), Some("/"));
        assert_eq!(of("/images/prod/Debian"), Some("/images"));
        assert_eq!(of("/images/drift"), Some("/images/drift"));
        assert_eq!(of("/imagesque"), None);
    }
}

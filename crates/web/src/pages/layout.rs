//! What all pages share: title, navigation, who is signed in.

use lotse_core::time::Timestamp;

use crate::access::{Identity, Who};
use crate::shell::Shell;
use crate::text::shown;

/// The longest name in the head of a page.
const LONGEST_NAME: usize = 40;

/// The frame of a page.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The heading, and the first word of the window's title.
    pub(crate) title: String,
    pub(crate) version: &'static str,
    pub(crate) mode: &'static str,
    pub(crate) navigation: Vec<NavLink>,
    /// Who is signed in; none for strangers.
    pub(crate) person: Option<String>,
    /// Whether somebody can sign in from here.
    pub(crate) offers_sign_in: bool,
    /// What forms carry; empty without a session.
    pub(crate) csrf: String,
}

/// An entry of the navigation.
#[derive(Debug)]
pub(crate) struct NavLink {
    pub(crate) href: &'static str,
    pub(crate) label: &'static str,
    pub(crate) current: bool,
}

impl Layout {
    /// The frame around the page at this path.
    pub(crate) fn of(shell: &Shell, identity: &Identity, path: &str, title: &str) -> Self {
        let navigation =
            shell.navigation.iter().filter(|item| identity.reaches(item.access)).map(|item| {
                NavLink { href: item.href, label: item.label, current: item.href == path }
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
        }
    }
}

/// An instant as people read it, and as machines do.
#[derive(Debug)]
pub(crate) struct When {
    pub(crate) machine: String,
    pub(crate) human: String,
}

impl From<Timestamp> for When {
    fn from(instant: Timestamp) -> Self {
        // 2026-11-21T15:04:05Z; without the letters it is easier to read and as exact.
        let machine = format!("{instant:.0}");
        let human = machine.replace('T', " ").replace('Z', " UTC");
        Self { machine, human }
    }
}

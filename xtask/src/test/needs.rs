//! What real tests can need, and how a mark says so.

use std::collections::BTreeMap;

/// A service, a program or a right that a machine may not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// The rights of the superuser.
    Root,
    /// A PostgreSQL server; its URL is in `LOTSE_TEST_POSTGRES`.
    Postgres,
    /// The Python image manager: its program is in `LOTSE_OIM`, its catalogue in `LOTSE_OIM_CATALOG`.
    ImageManager,
    /// The command `openstack`.
    Client,
    /// The command `tempest`.
    Tempest,
    /// A browser; its path is in `LOTSE_CHROMIUM`.
    Chromium,
    /// What runs in node: Playwright, axe, oidc-provider, html-validate and the client `statuspage.io`; the
    /// directory of their modules is in `LOTSE_NODE_MODULES`.
    Node,
    /// Python's readers of feeds, feedparser and icalendar; the Python that has them is in `LOTSE_FEED_PYTHON`.
    FeedReaders,
    /// The text browser; its path is in `LOTSE_LYNX`.
    Lynx,
    /// Prometheus' Alertmanager; its path is in `LOTSE_ALERTMANAGER`.
    Alertmanager,
    /// A client that tries a described API; its program is in `LOTSE_SCHEMATHESIS`.
    Schemathesis,
    /// OpenSSH's server for SFTP; its path is in `LOTSE_SFTP_SERVER`.
    SftpServer,
    /// The OpenAPI document of the SCS status page, which is not ours: `LOTSE_STATUS_DOCUMENT`.
    StatusDocument,
    /// A real OpenStack; see `testbed/`.
    Testbed,
}

impl Need {
    /// All of them, cheapest first.
    pub(super) const ALL: [Self; 14] = [
        Self::Root,
        Self::Postgres,
        Self::ImageManager,
        Self::Client,
        Self::Tempest,
        Self::Lynx,
        Self::Alertmanager,
        Self::FeedReaders,
        Self::Chromium,
        Self::Node,
        Self::Schemathesis,
        Self::SftpServer,
        Self::StatusDocument,
        Self::Testbed,
    ];

    /// The name for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Postgres => "PostgreSQL",
            Self::ImageManager => "openstack-image-manager",
            Self::Client => "openstackclient",
            Self::Tempest => "tempest",
            Self::Chromium => "Chromium",
            Self::Node => "Playwright, axe, oidc-provider, html-validate and statuspage.io",
            Self::FeedReaders => "feedparser and icalendar",
            Self::Lynx => "lynx",
            Self::Alertmanager => "Alertmanager",
            Self::Schemathesis => "schemathesis",
            Self::SftpServer => "sftp-server",
            Self::StatusDocument => "the document of the SCS status page",
            Self::Testbed => "the testbed",
        }
    }

    /// The needs a mark names, by the words in it.
    pub(super) fn of(reason: &str) -> Vec<Self> {
        let reason = reason.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
        Self::ALL
            .into_iter()
            .filter(|need| match need {
                Self::Root => says(&["root"]),
                Self::Postgres => says(&["postgres"]),
                Self::ImageManager => says(&["lotse_oim"]),
                Self::Client => says(&["openstackclient"]),
                Self::Tempest => says(&["tempest"]),
                Self::Chromium => says(&["chromium", "browser"]),
                Self::Node => {
                    says(&["axe", "playwright", "oidc-provider", "html-validate", "statuspage.io"])
                }
                Self::FeedReaders => says(&["feedparser"]),
                Self::Lynx => says(&["lynx"]),
                Self::Alertmanager => says(&["alertmanager"]),
                Self::Schemathesis => says(&["schemathesis"]),
                Self::SftpServer => says(&["sftp-server"]),
                Self::StatusDocument => says(&["lotse_status_document"]),
                Self::Testbed => says(&["testbed", "keystone", "glance"]),
            })
            .collect()
    }
}

/// What could be had, and why the rest could not.
#[derive(Debug, Default)]
pub(super) struct Provided {
    /// Variables for the tests.
    pub(super) vars: Vec<(String, String)>,
    /// The needs that are not met, each with its reason.
    pub(super) missing: BTreeMap<Need, String>,
}

impl Provided {
    /// Why a test with this mark cannot run; `None` when it can.
    pub(super) fn obstacle(&self, reason: &str) -> Option<&str> {
        Need::of(reason).into_iter().find_map(|need| self.missing.get(&need)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_name_their_needs_in_words() {
        assert_eq!(Need::of("real: PostgreSQL"), [Need::Postgres]);
        assert_eq!(Need::of("real: the testbed and a browser"), [Need::Chromium, Need::Testbed]);
        assert_eq!(Need::of("real: root, to mount a small file system"), [Need::Root]);
        assert_eq!(
            Need::of("real: needs LOTSE_OIM_CATALOG, from openstack-image-manager"),
            [Need::ImageManager]
        );
        assert_eq!(Need::of("real: testbed and LOTSE_OIM"), [Need::ImageManager, Need::Testbed]);
        assert_eq!(Need::of("real: openstackclient"), [Need::Client]);
        assert_eq!(Need::of("real: tempest"), [Need::Tempest]);
        assert_eq!(Need::of("real: axe in a browser"), [Need::Chromium, Need::Node]);
        assert_eq!(Need::of("real: oidc-provider"), [Need::Node]);
        assert_eq!(Need::of("real: html-validate"), [Need::Node]);
        assert_eq!(Need::of("real: the client statuspage.io"), [Need::Node]);
        assert_eq!(Need::of("real: feedparser and icalendar"), [Need::FeedReaders]);
        assert_eq!(Need::of("real: lynx"), [Need::Lynx]);
        assert_eq!(Need::of("real: alertmanager"), [Need::Alertmanager]);
        assert_eq!(Need::of("real: schemathesis"), [Need::Schemathesis]);
        assert_eq!(Need::of("real: sftp-server"), [Need::SftpServer]);
        assert_eq!(Need::of("real: kills itself"), []);
    }

    #[test]
    fn only_the_tests_whose_need_is_missing_are_left_out() {
        let mut provided = Provided::default();
        provided.missing.insert(Need::Testbed, "no root".to_owned());
        assert_eq!(provided.obstacle("real: testbed"), Some("no root"));
        assert_eq!(provided.obstacle("real: PostgreSQL"), None);
    }
}

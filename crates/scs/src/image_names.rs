//! The images of the standard (scs-0104): their names, and where their content may come from.

use crate::Mode;

/// How an image of the standard is recognised by its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Names {
    /// Exactly this name.
    Exact(&'static str),
    /// Names that begin with this, a version and perhaps more; images for nodes of clusters.
    Versioned(&'static str),
}

/// An image of the standard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StandardImage {
    /// The end of the ids of its testcases, for example `ubuntu-2204`.
    pub id: &'static str,
    /// How it is recognised.
    pub names: Names,
    /// What its `image_source` may begin with.
    pub sources: &'static [&'static str],
}

const NODE_IMAGES: &[&str] = &[
    "https://nbg1.your-objectstorage.com/osism/openstack-k8s-capi-images/",
    "https://swift.services.a.regiocloud.tech/swift/v1/AUTH_b182637428444b9aa302bb8d5a5a418c/openstack-k8s-capi-images/",
];

const fn exact(
    id: &'static str,
    name: &'static str,
    sources: &'static [&'static str],
) -> StandardImage {
    StandardImage { id, names: Names::Exact(name), sources }
}

/// The images of the standard.
pub const ALL: [StandardImage; 9] = [
    exact(
        "ubuntu-2404",
        "Ubuntu 24.04",
        &[
            "https://cloud-images.ubuntu.com/releases/noble/",
            "https://cloud-images.ubuntu.com/noble/",
        ],
    ),
    exact(
        "ubuntu-2204",
        "Ubuntu 22.04",
        &[
            "https://cloud-images.ubuntu.com/releases/jammy/",
            "https://cloud-images.ubuntu.com/jammy/",
        ],
    ),
    exact(
        "ubuntu-2004",
        "Ubuntu 20.04",
        &[
            "https://cloud-images.ubuntu.com/releases/focal/",
            "https://cloud-images.ubuntu.com/focal/",
        ],
    ),
    exact(
        "debian-13",
        "Debian 13",
        &[
            "https://cloud.debian.org/images/cloud/trixie/",
            "https://cdimage.debian.org/cdimage/cloud/trixie/",
        ],
    ),
    exact(
        "debian-12",
        "Debian 12",
        &[
            "https://cloud.debian.org/images/cloud/bookworm/",
            "https://cdimage.debian.org/cdimage/cloud/bookworm/",
        ],
    ),
    exact(
        "debian-11",
        "Debian 11",
        &[
            "https://cloud.debian.org/images/cloud/bullseye/",
            "https://cdimage.debian.org/cdimage/cloud/bullseye/",
        ],
    ),
    exact(
        "debian-10",
        "Debian 10",
        &[
            "https://cloud.debian.org/images/cloud/buster/",
            "https://cdimage.debian.org/cdimage/cloud/buster/",
        ],
    ),
    StandardImage {
        id: "capi-1",
        names: Names::Versioned("ubuntu-capi-image v"),
        sources: NODE_IMAGES,
    },
    StandardImage {
        id: "capi-2",
        names: Names::Versioned("ubuntu-capi-image-v"),
        sources: NODE_IMAGES,
    },
];

/// The distributions whose generic images come from fixed places (version 2 of the standard).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Vendor {
    /// `os_distro` is `debian`.
    Debian,
    /// `os_distro` is `ubuntu`.
    Ubuntu,
}

impl Vendor {
    /// The word in `os_distro`.
    pub const fn distro(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Ubuntu => "ubuntu",
        }
    }

    /// Whether a generic image of this `os_version` may come from here. Of versions that are newer
    /// than this program the code name is not known, so that any will do.
    pub fn provides(self, version: &str, source: &str) -> bool {
        let (name, places): (_, &[&str]) = match self {
            Self::Debian => (
                "Debian",
                &[
                    "https://cloud.debian.org/images/cloud/",
                    "https://cdimage.debian.org/cdimage/cloud/",
                ],
            ),
            Self::Ubuntu => (
                "Ubuntu",
                &["https://cloud-images.ubuntu.com/releases/", "https://cloud-images.ubuntu.com/"],
            ),
        };
        let name = format!("{name} {version}");
        let known =
            ALL.iter().find(|image| matches!(image.names, Names::Exact(exact) if exact == name));
        known.map_or_else(
            || {
                let rest = places.iter().find_map(|place| source.strip_prefix(place));
                let code = rest.and_then(|rest| rest.split_once('/')).map(|(code, _)| code);
                code.is_some_and(|code| {
                    !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_lowercase())
                })
            },
            |image| image.comes_from(source),
        )
    }
}

/// The newest version of Ubuntu with long-term support that clouds must have on a day, or an older
/// one: one appears each April of an even year, and clouds have until the 30th.
pub fn ubuntu_lts(day: jiff::civil::Date, before: i16) -> String {
    let due = (day.month(), day.day()) >= (4, 30);
    let year = if day.year() % 2 == 0 && due { day.year() } else { day.year() - 1 };
    let even = year - year.rem_euclid(2) - 2 * before;
    format!("{:02}.04", even.rem_euclid(100))
}

/// The days on which versions of Debian became the stable one, newest first.
const DEBIAN: [(u16, jiff::civil::Date); 4] = [
    (13, jiff::civil::date(2025, 8, 9)),
    (12, jiff::civil::date(2023, 6, 10)),
    (11, jiff::civil::date(2021, 8, 14)),
    (10, jiff::civil::date(2019, 7, 6)),
];

/// The version of Debian that is the stable one on a day, as far as this program knows; a later one
/// may be.
pub fn debian_stable(day: jiff::civil::Date) -> u16 {
    let found = DEBIAN.iter().find(|(_, from)| *from <= day).or(DEBIAN.last());
    found.map_or(0, |(version, _)| *version)
}

/// What `image_description` of node images says (version 2 of the standard).
pub const NODE_IMAGE_DESCRIPTION: &str = "https://github.com/osism/k8s-capi-images";

impl StandardImage {
    /// The image that a testcase speaks of by the end of its id.
    pub fn by_testcase(id: &str) -> Option<&'static Self> {
        ALL.iter().find(|image| image.id == id)
    }

    /// Whether an image with this name is meant. What follows the version of a node image does not
    /// matter to the upstream tools; the standard has nothing follow it.
    pub fn is_called(&self, name: &str, mode: Mode) -> bool {
        match self.names {
            Names::Exact(exact) => name == exact,
            Names::Versioned(prefix) => name.strip_prefix(prefix).is_some_and(|rest| match mode {
                Mode::Upstream => version_length(rest).is_some(),
                Mode::Standard => version_length(rest) == Some(rest.len()),
            }),
        }
    }

    /// What people call it.
    pub fn name(&self) -> String {
        match self.names {
            Names::Exact(name) => name.to_owned(),
            Names::Versioned(prefix) => format!("{prefix}<version>"),
        }
    }

    /// Whether content from here is the vendor's.
    pub fn comes_from(&self, source: &str) -> bool {
        self.sources.iter().any(|prefix| source.starts_with(prefix))
    }
}

/// How long the version (`1.35` or `1.35.4`) is with which the text begins: one digit, a point, digits.
fn version_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let major = bytes.first().is_some_and(u8::is_ascii_digit) && bytes.get(1) == Some(&b'.');
    let minor = if major { digits(2) } else { 0 };
    if minor == 0 {
        return None;
    }
    let end = 2 + minor;
    let patch = if bytes.get(end) == Some(&b'.') { digits(end + 1) } else { 0 };
    Some(if patch == 0 { end } else { end + 1 + patch })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_images_carry_a_version_and_upstream_lets_more_follow() {
        let capi = StandardImage::by_testcase("capi-2").unwrap();
        for mode in [Mode::Upstream, Mode::Standard] {
            assert!(capi.is_called("ubuntu-capi-image-v1.35", mode));
            assert!(capi.is_called("ubuntu-capi-image-v1.35.4", mode));
            assert!(!capi.is_called("ubuntu-capi-image v1.35.4", mode));
            assert!(!capi.is_called("ubuntu-capi-image-v1", mode));
            assert!(!capi.is_called("ubuntu-capi-image-v12.5", mode));
        }
        assert!(capi.is_called("ubuntu-capi-image-v1.35.4 (old)", Mode::Upstream));
        assert!(!capi.is_called("ubuntu-capi-image-v1.35.4 (old)", Mode::Standard));
    }

    #[test]
    fn the_latest_ubuntu_is_due_on_the_last_day_of_april() {
        for (day, latest, previous) in [
            ("2026-04-29", "24.04", "22.04"),
            ("2026-04-30", "26.04", "24.04"),
            ("2027-01-01", "26.04", "24.04"),
            ("2027-12-31", "26.04", "24.04"),
            ("2028-02-29", "26.04", "24.04"),
            ("2028-05-01", "28.04", "26.04"),
        ] {
            let day = day.parse().unwrap();
            assert_eq!([ubuntu_lts(day, 0), ubuntu_lts(day, 1)], [latest, previous], "{day}");
        }
    }

    #[test]
    fn vendors_provide_a_version_under_its_code_name() {
        let noble = "https://cloud-images.ubuntu.com/noble/current/noble.img";
        assert!(Vendor::Ubuntu.provides("24.04", noble));
        assert!(!Vendor::Ubuntu.provides("22.04", noble));
        assert!(!Vendor::Debian.provides("13", noble));
        let next = "https://cloud.debian.org/images/cloud/forky/latest/debian-14.qcow2";
        assert!(Vendor::Debian.provides("14", next));
        assert!(!Vendor::Debian.provides("14", "https://cloud.debian.org/images/cloud/"));
        assert!(!Vendor::Debian.provides("14", "https://mirror.example/images/cloud/forky/x"));
    }

    #[test]
    fn other_images_are_called_exactly_so() {
        let ubuntu = StandardImage::by_testcase("ubuntu-2404").unwrap();
        assert!(ubuntu.is_called("Ubuntu 24.04", Mode::Upstream));
        assert!(!ubuntu.is_called("Ubuntu 24.04 Minimal", Mode::Upstream));
        assert!(ubuntu.comes_from("https://cloud-images.ubuntu.com/noble/current/noble.img"));
        assert!(!ubuntu.comes_from("https://cloud-images.ubuntu.com/jammy/current/jammy.img"));
        assert_eq!(StandardImage::by_testcase("windows"), None);
    }

    #[test]
    fn the_stable_debian_changes_on_the_day_of_its_release() {
        use jiff::civil::date;
        for (day, version) in [
            (date(2018, 1, 1), 10),
            (date(2023, 6, 9), 11),
            (date(2023, 6, 10), 12),
            (date(2025, 8, 9), 13),
            (date(2026, 11, 22), 13),
        ] {
            assert_eq!(debian_stable(day), version, "{day}");
        }
    }
}

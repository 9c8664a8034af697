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
    fn other_images_are_called_exactly_so() {
        let ubuntu = StandardImage::by_testcase("ubuntu-2404").unwrap();
        assert!(ubuntu.is_called("Ubuntu 24.04", Mode::Upstream));
        assert!(!ubuntu.is_called("Ubuntu 24.04 Minimal", Mode::Upstream));
        assert!(ubuntu.comes_from("https://cloud-images.ubuntu.com/noble/current/noble.img"));
        assert!(!ubuntu.comes_from("https://cloud-images.ubuntu.com/jammy/current/jammy.img"));
        assert_eq!(StandardImage::by_testcase("windows"), None);
    }
}

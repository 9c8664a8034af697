//! Image properties (scs-0102): which there are, and which values they may have.

use std::time::Duration;

/// `architecture`: for what CPU.
pub const ARCHITECTURES: [&str; 3] = ["x86_64", "aarch64", "risc-v"];
/// `os_hash_algo`: how the content is hashed.
pub const HASHES: [&str; 2] = ["sha256", "sha512"];
/// `os_purpose`: what the image is for.
pub const PURPOSES: [&str; 7] =
    ["generic", "oldgeneric", "minimal", "k8snode", "gpu", "network", "custom"];
/// `hw_disk_bus`: how disks are attached.
pub const DISK_BUSES: [&str; 2] = ["virtio", "scsi"];
/// `hypervisor_type`: where it runs.
pub const HYPERVISORS: [&str; 5] = ["qemu", "kvm", "xen", "hyper-v", "esxi"];
/// `hw_rng_model`: the device for random numbers.
pub const RNG_MODELS: [&str; 1] = ["virtio"];
/// `replace_frequency`: how often the image is replaced.
pub const FREQUENCIES: [&str; 7] =
    ["never", "critical_bug", "yearly", "quarterly", "monthly", "weekly", "daily"];

/// After how long an image with this `replace_frequency` should have been replaced; `None` for those
/// that need not be replaced in time, and for words the standard does not know.
pub fn replacement_interval(frequency: &str) -> Option<Duration> {
    const HOUR: u64 = 3600;
    let hours = match frequency {
        "yearly" => 365 * 24,
        "quarterly" => 92 * 24,
        "monthly" => 31 * 24,
        // Daily and weekly leave an hour a day for building.
        "weekly" => 7 * 25,
        "daily" => 25,
        _ => return None,
    };
    Some(Duration::from_secs(hours * HOUR))
}

/// `uuid_validity`: whether the words say for how long the id of the image stays.
pub fn is_uuid_validity(text: &str) -> bool {
    matches!(text, "none" | "notice" | "forever")
        || text.strip_prefix("last-").is_some_and(is_digits)
        || crate::date::parse(text).is_some()
}

/// `hotfix_hours`: whether this is a number of hours.
pub fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `image_source`: whether this says where the image comes from.
pub fn is_source(text: &str) -> bool {
    text == "private"
        || text.split_once("://").is_some_and(|(scheme, rest)| {
            let known = ["http", "https", "ftp", "ftps"];
            !rest.is_empty() && known.iter().any(|name| scheme.eq_ignore_ascii_case(name))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validity_is_a_word_a_number_of_images_or_a_date() {
        for good in ["none", "notice", "forever", "last-3", "2027-01-01"] {
            assert!(is_uuid_validity(good), "{good}");
        }
        for bad in ["", "last-", "last-x", "always", "2027-13-01"] {
            assert!(!is_uuid_validity(bad), "{bad}");
        }
    }

    #[test]
    fn a_source_is_private_or_an_address() {
        for good in ["private", "https://example.org/a.img", "FTP://example.org/a"] {
            assert!(is_source(good), "{good}");
        }
        for bad in ["", "example.org/a.img", "file:///a", "https://", "Private"] {
            assert!(!is_source(bad), "{bad}");
        }
    }

    #[test]
    fn weekly_images_have_seven_days_of_25_hours() {
        assert_eq!(replacement_interval("weekly"), Some(Duration::from_hours(175)));
        assert_eq!(replacement_interval("never"), None);
        assert_eq!(replacement_interval("sometimes"), None);
    }
}

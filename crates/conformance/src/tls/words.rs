//! The numbers of versions, suites and groups, as IANA has registered them.

/// What the standard allows with TLS 1.2: those of Mozilla's intermediate configuration.
pub(crate) const SUITES_12: [u16; 9] =
    [0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0x009e, 0x009f, 0xccaa];
/// What the standard allows with TLS 1.3.
pub(crate) const SUITES_13: [u16; 3] = [0x1301, 0x1302, 0x1303];
/// The suites of TLS 1.3 that the standard does not name.
pub(crate) const FOREIGN_SUITES_13: [u16; 2] = [0x1304, 0x1305];
/// X25519, P-256, P-384.
pub(crate) const GROUPS: [u16; 3] = [29, 23, 24];
/// The other groups that servers are known to take: older curves, P-521, X448, those of Brainpool.
pub(crate) const FOREIGN_GROUPS: [u16; 10] = [25, 30, 22, 21, 19, 18, 26, 27, 28, 14];

/// Suites of TLS 1.2 and older that the standard does not allow and servers are known to take.
pub(crate) const FOREIGN_SUITES_12: [u16; 70] = [
    // Keys that the certificate's own key carries: who learns it later reads everything.
    0x002f, 0x0035, 0x003c, 0x003d, 0x009c, 0x009d, 0x000a, 0x0041, 0x0084, 0xc09c, 0xc09d, 0x0096,
    // CBC with elliptic curves.
    0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027, 0xc028, 0xc008, 0xc012, 0xc072, 0xc073,
    0xc076, 0xc077, 0xc0ac, 0xc0ad, 0xc05c, 0xc05d, 0xc060, 0xc061,
    // CBC with finite fields, and CCM.
    0x0033, 0x0039, 0x0067, 0x006b, 0x0016, 0x0045, 0x0088, 0xc09e, 0xc09f, 0x0032, 0x0038, 0x0040,
    0x006a, 0x00a2, 0x00a3, 0x0013, // RC4, DES, and what was made weak on purpose.
    0x0004, 0x0005, 0xc007, 0xc011, 0x0009, 0x0015, 0x0003, 0x0006, 0x0008,
    // Nobody proves who they are, or nothing is encrypted.
    0x0018, 0x001b, 0x0034, 0x003a, 0x006c, 0x006d, 0xc016, 0xc018, 0xc019, 0x0001, 0x0002, 0x003b,
    0xc010,
];

/// The names of those that are met most often; the others are shown by their numbers.
const NAMES: [(u16, &str); 33] = [
    (0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    (0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"),
    (0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"),
    (0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256"),
    (0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    (0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    (0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"),
    (0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    (0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    (0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"),
    (0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"),
    (0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
    (0xc012, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM"),
    (0xc0ad, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM"),
    (0xc060, "TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256"),
    (0xc061, "TLS_ECDHE_RSA_WITH_ARIA_256_GCM_SHA384"),
    (0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
    (0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"),
    (0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"),
    (0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0xc09e, "TLS_DHE_RSA_WITH_AES_128_CCM"),
    (0xc09f, "TLS_DHE_RSA_WITH_AES_256_CCM"),
    (0x0004, "TLS_RSA_WITH_RC4_128_MD5"),
    (0x0005, "TLS_RSA_WITH_RC4_128_SHA"),
    (0xc011, "TLS_ECDHE_RSA_WITH_RC4_128_SHA"),
    (0x1304, "TLS_AES_128_CCM_SHA256"),
    (0x1305, "TLS_AES_128_CCM_8_SHA256"),
    (0x0034, "TLS_DH_anon_WITH_AES_128_CBC_SHA"),
];

/// What a suite is called.
pub(crate) fn suite_name(number: u16) -> String {
    let found = NAMES.iter().find(|(known, _)| *known == number);
    found.map_or_else(|| format!("suite {number:#06x}"), |(_, name)| (*name).to_owned())
}

/// What a version is called.
pub(crate) fn version_name(number: u16) -> String {
    match number {
        0x0300 => "SSL 3.0".to_owned(),
        0x0301..=0x0304 => format!("TLS 1.{}", number - 0x0301),
        other => format!("version {other:#06x}"),
    }
}

/// What a group is called.
pub(crate) fn group_name(number: u16) -> String {
    let name = match number {
        14 => "sect571r1",
        18 => "secp192k1",
        19 => "P-192",
        21 => "P-224",
        22 => "secp256k1",
        25 => "P-521",
        26 => "brainpoolP256r1",
        27 => "brainpoolP384r1",
        28 => "brainpoolP512r1",
        30 => "X448",
        other => return format!("group {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_suite_is_named_twice_and_none_is_both_allowed_and_not() {
        let all: Vec<u16> =
            [&SUITES_12[..], &SUITES_13, &FOREIGN_SUITES_13, &FOREIGN_SUITES_12].concat();
        let unique: BTreeSet<u16> = all.iter().copied().collect();
        assert_eq!(unique.len(), all.len());
        assert!(NAMES.iter().all(|(number, _)| unique.contains(number)));
        assert!(GROUPS.iter().all(|group| !FOREIGN_GROUPS.contains(group)));
        assert!(FOREIGN_GROUPS.iter().all(|group| !group_name(*group).starts_with("group")));
    }

    #[test]
    fn versions_have_the_names_that_people_use() {
        let names = super::super::VERSIONS.map(version_name);
        assert_eq!(names, ["SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"]);
    }
}

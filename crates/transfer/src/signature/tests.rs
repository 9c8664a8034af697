//! The keys and signatures in `fixtures` were made for these tests, by `GnuPG`, on the first of March 2026;
//! nobody has the secret halves.

use proptest::prelude::*;

use super::*;

const SUMS: &[u8] = include_bytes!("fixtures/SUMS");
const RSA: &str = include_str!("fixtures/rsa.key");
const RSA_CLEAR: &str = include_str!("fixtures/rsa.clear");
const RSA_BINARY: &[u8] = include_bytes!("fixtures/rsa.sig");
const RSA_ARMOURED: &str = include_str!("fixtures/rsa.asc");
const ED: &str = include_str!("fixtures/ed.key");
const ED_ARMOURED: &str = include_str!("fixtures/ed.asc");
const P256: &str = include_str!("fixtures/p256.key");
const P384: &str = include_str!("fixtures/p384.key");

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn keyring(text: &str) -> Keyring {
    Keyring::parse(text).unwrap()
}

fn detached(keys: &str, content: &[u8], signature: &str) -> Result<Signed, Fault> {
    keyring(keys).verify_detached(content, signature.as_bytes(), now())
}

fn refusal(fault: Fault) -> &'static str {
    match fault {
        Fault::Refused { reason, .. } => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn signatures_of_all_algorithms_in_use_are_verified() {
    for (key, signature) in [
        (RSA, RSA_ARMOURED),
        (ED, ED_ARMOURED),
        (P256, include_str!("fixtures/p256.asc")),
        (P384, include_str!("fixtures/p384.asc")),
        (include_str!("fixtures/short.key"), include_str!("fixtures/short.asc")),
    ] {
        let signed = detached(key, SUMS, signature).unwrap();
        assert_eq!(signed.made.to_string(), "2026-03-01T12:00:00Z");
        assert_eq!(keyring(key).fingerprints(), [signed.pinned]);
    }
    let signed = keyring(RSA).verify_detached(SUMS, RSA_BINARY, now()).unwrap();
    assert_eq!(signed.signer, "c2efd433d13ad0e430987a26f148bb845875db72");
}

#[test]
fn a_subkey_signs_for_the_key_that_is_pinned() {
    let signed = detached(ED, SUMS, ED_ARMOURED).unwrap();
    assert_eq!(signed.pinned, "a21a1e280d6d4fa87738e0917347bd25d7a33f25");
    assert_ne!(signed.signer, signed.pinned);
}

#[test]
fn content_that_was_changed_is_not_what_was_signed() {
    for at in [0, 30, SUMS.len() - 1] {
        let mut changed = SUMS.to_vec();
        changed[at] ^= 1;
        for (key, signature) in [(RSA, RSA_ARMOURED), (ED, ED_ARMOURED)] {
            let fault = detached(key, &changed, signature).unwrap_err();
            assert!(matches!(fault, Fault::Wrong { .. }), "{fault}");
        }
    }
}

#[test]
fn only_pinned_keys_count() {
    let stranger = include_str!("fixtures/stranger.asc");
    let fault = detached(&format!("{RSA}\n{ED}"), SUMS, stranger).unwrap_err();
    assert!(matches!(fault, Fault::UnknownSigner { .. }), "{fault}");
    // One good signature among others is enough, wherever it stands.
    for both in [format!("{stranger}\n{ED_ARMOURED}"), format!("{ED_ARMOURED}\n{stranger}")] {
        assert!(detached(&format!("{RSA}\n{ED}"), SUMS, &both).is_ok());
    }
    // A pinned key's fault is said rather than a stranger's.
    let both = format!("{ED_ARMOURED}\n{stranger}");
    assert!(matches!(detached(ED, b"other", &both).unwrap_err(), Fault::Wrong { .. }));
}

#[test]
fn a_signed_text_gives_what_was_signed_and_nothing_around_it() {
    let expected = String::from_utf8_lossy(SUMS);
    let expected: Vec<&str> = expected.lines().map(str::trim_end).collect();
    for (key, text) in [(RSA, RSA_CLEAR), (ED, include_str!("fixtures/ed.clear"))] {
        let text = format!("before\n{text}\nafter\n");
        for text in [text.clone(), text.replace('\n', "\r\n")] {
            let (content, _) = keyring(key).verify_text(&text, now()).unwrap();
            assert_eq!(content, expected.join("\n"));
        }
    }
}

#[test]
fn a_signed_text_that_was_changed_is_refused() {
    let verify = |text: &str| keyring(RSA).verify_text(text, now()).unwrap_err();
    let fault = verify(&RSA_CLEAR.replace("disk.img", "disk.iso"));
    assert!(matches!(fault, Fault::Wrong { .. }), "{fault}");
    for (from, to) in [
        // Text where only the names of hash functions may stand.
        ("Hash: SHA512\n", "Hash: SHA512\n0000  evil.img\n"),
        ("- -dashed", "-dashed"),
        ("-----BEGIN PGP SIGNATURE-----", "-----BEGIN PGP SOMETHING-----"),
        ("-----BEGIN PGP SIGNED MESSAGE-----", ""),
    ] {
        let fault = verify(&RSA_CLEAR.replace(from, to));
        assert!(matches!(fault, Fault::Malformed { .. }), "{to}: {fault}");
    }
}

#[test]
fn weak_hashes_are_not_accepted() {
    let fault = detached(RSA, SUMS, include_str!("fixtures/sha1.asc")).unwrap_err();
    assert_eq!(refusal(fault), "it is by SHA-1, MD5 or another broken hash function");
}

#[test]
fn a_key_must_have_been_valid_when_it_signed() {
    let late = detached(include_str!("fixtures/late.key"), SUMS, include_str!("fixtures/late.asc"));
    assert_eq!(refusal(late.unwrap_err()), "the key had expired when it was made");
    // Expired since, but not then: `short` in the first test.
    let signature = RSA_ARMOURED.as_bytes();
    let early = "2026-02-01T00:00:00Z".parse().unwrap();
    let fault = keyring(RSA).verify_detached(SUMS, signature, early).unwrap_err();
    assert_eq!(refusal(fault), "it was made in the future");
}

#[test]
fn keys_that_can_verify_nothing_are_refused_when_they_are_pinned() {
    for (key, expected) in [
        (include_str!("fixtures/gone.key"), "the key is revoked"),
        (include_str!("fixtures/certonly.key"), "the key is not for signing"),
    ] {
        let Err(Fault::UselessKey { reason, .. }) = Keyring::parse(key) else { panic!("{key}") };
        assert_eq!(reason, expected);
    }
    for text in ["", "no key", RSA_ARMOURED] {
        assert!(matches!(Keyring::parse(text), Err(Fault::Malformed { .. })), "{text}");
    }
}

#[test]
fn a_subkey_without_a_binding_of_its_key_signs_nothing() {
    // The packets of one key, and the subkey of another behind them.
    let bytes = |text: &str| armour::blocks(text, Block::PublicKey).unwrap().remove(0);
    let (rsa, ed) = (bytes(RSA), bytes(ED));
    let subkey = 221;
    assert_eq!(ed[subkey] & 0x3c, 14 << 2, "where the subkey begins");
    let keys = key::read(&[&rsa[..], &ed[subkey..]].concat()).unwrap();
    let keyring = Keyring { keys };
    let fault = keyring.verify_detached(SUMS, ED_ARMOURED.as_bytes(), now()).unwrap_err();
    assert_eq!(refusal(fault), "the subkey is not bound to its key");
}

#[test]
fn a_damaged_armour_is_noticed() {
    let at = RSA.find("\n\n").unwrap() + 40;
    let mut damaged = RSA.to_owned();
    let other = if &damaged[at..=at] == "A" { "B" } else { "A" };
    damaged.replace_range(at..=at, other);
    assert!(
        matches!(Keyring::parse(&damaged), Err(Fault::Malformed { reason, .. }) if reason.contains("damaged"))
    );
}

proptest! {
    /// Whatever is changed in keys and signatures, there is an answer, and never a good one for other
    /// content.
    #[test]
    fn damage_harms_nobody(
        key in any::<bool>(),
        damage in proptest::collection::vec((0_usize..1000, any::<u8>()), 1..6),
        keep in 0_usize..1000,
    ) {
        let bytes = armour::blocks(ED, Block::PublicKey).unwrap().remove(0);
        let mut changed = if key { bytes.clone() } else { RSA_BINARY.to_vec() };
        for (at, byte) in damage {
            let at = at % changed.len();
            changed[at] = byte;
        }
        changed.truncate(keep);
        if key {
            if let Ok(keys) = key::read(&changed) {
                let keyring = Keyring { keys };
                let verified = keyring.verify_detached(b"x", ED_ARMOURED.as_bytes(), now());
                prop_assert!(verified.is_err());
            }
        } else {
            prop_assert!(keyring(RSA).verify_detached(b"x", &changed, now()).is_err());
        }
    }
}

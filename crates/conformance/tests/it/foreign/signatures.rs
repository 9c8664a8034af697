//! Signatures and keys of OpenSSH: nothing counts that the key has not signed.
//!
//! The first byte chooses the reader, so that one corpus serves all.

use lotse_conformance::snapshot::seal::{Seal, seal};
use lotse_core::signature::ssh::{PublicKey, SigningKey};

const PINNED: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINxIWY6FZChCxBQFwtGIwvvdJ2wpN/F5lJ57gRtOVumr somebody";

pub(crate) fn holds(data: &[u8]) {
    let Some((which, body)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(body) else { return };
    match which % 4 {
        0 => {
            let pinned = PINNED.parse::<PublicKey>().map(|key| vec![key]).unwrap_or_default();
            let found = seal(b"something that nobody has signed", Some(text), Some(&pinned));
            assert!(found.is_err(), "a signature that nobody made");
        }
        1 => {
            if let Some(key) = PublicKey::of_signature(text) {
                // Whatever it signed, no signature is good for two texts.
                let both = ["x", "y"].map(|text_of| key.verifies(text_of, body, text));
                assert!(both != [true, true], "a signature for two namespaces");
            }
            assert_ne!(seal(body, Some(text), None), Ok(Seal::None), "a signature that is none");
        }
        2 => {
            if let Ok(key) = text.parse::<PublicKey>() {
                assert!(!key.comment().contains('\n'), "a comment of several lines");
            }
        }
        _ => {
            if let Ok(key) = SigningKey::parse(text) {
                let signature = key.sign("x", b"y");
                let public = key.public_line().parse::<PublicKey>();
                assert!(public.is_ok_and(|key| key.verifies("x", b"y", &signature)), "not its own");
            }
        }
    }
}

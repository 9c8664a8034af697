//! Signatures of webhooks: the Standard Webhooks convention, scheme `v1`
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
//!
//! HMAC-SHA256 over `id.timestamp.body`, in base64 after `v1,`. The secret is written `whsec_` and
//! base64; a secret without that beginning is taken as it is written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use crate::secret::{ExposeSecret, SecretString};

/// What secrets begin with.
const PREFIX: &str = "whsec_";
/// The shortest secret of the convention, in bytes.
const SHORTEST: usize = 24;

/// The key of a webhook.
pub struct Key(hmac::Key);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key([secret])")
    }
}

impl Key {
    /// The key that a secret stands for.
    ///
    /// # Errors
    /// What is wrong with the secret, without the secret.
    pub fn new(secret: &SecretString) -> Result<Self, String> {
        let secret = secret.expose_secret();
        let bytes = match secret.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD
                .decode(encoded)
                .map_err(|_| format!("what follows {PREFIX} in its secret is not base64"))?,
            None => secret.as_bytes().to_vec(),
        };
        if bytes.len() < SHORTEST {
            return Err(format!("its secret has fewer than {SHORTEST} bytes"));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The header `webhook-signature` of this message.
    pub fn sign(&self, id: &str, second: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{second}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }

    /// Whether one of the signatures in the header `webhook-signature` is ours of this message; there
    /// are several, with spaces between, while a secret is replaced. Takes as long whatever is wrong.
    pub fn verifies(&self, header: &str, id: &str, second: i64, body: &[u8]) -> bool {
        let mut message = format!("{id}.{second}.").into_bytes();
        message.extend_from_slice(body);
        let given = header.split(' ').filter_map(|one| one.strip_prefix("v1,"));
        let mut tags = given.filter_map(|one| STANDARD.decode(one).ok());
        tags.any(|tag| hmac::verify(&self.0, &message, &tag).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the convention's own documents; computed again with Python's `hmac`.
    #[test]
    fn the_signature_of_the_published_example_is_ours() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let key = Key::new(&secret).unwrap();
        let signature =
            key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_signature_is_believed_only_of_the_same_message() {
        let key = Key::new(&SecretString::from("a secret of more than 24 bytes")).unwrap();
        let good = key.sign("id", 7, b"body");
        assert!(key.verifies(&good, "id", 7, b"body"));
        assert!(key.verifies(&format!("v1,AAAA v2,x {good}"), "id", 7, b"body"));
        for (header, id, second, body) in [
            (good.as_str(), "other", 7, b"body"),
            (&good, "id", 8, b"body"),
            (&good, "id", 7, b"bodY"),
            ("v1,AAAA", "id", 7, b"body"),
            ("", "id", 7, b"body"),
        ] {
            assert!(!key.verifies(header, id, second, body), "{header} {id} {second}");
        }
    }

    #[test]
    fn a_bad_secret_is_refused_without_being_shown() {
        for secret in ["whsec_not base64!", "whsec_c2hvcnQ=", "short"] {
            let error = Key::new(&SecretString::from(secret)).unwrap_err();
            assert!(!error.contains("short") && !error.contains("not base64!"), "{error}");
        }
    }
}

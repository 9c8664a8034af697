//! Webhooks: nothing proves itself without the secret, and no body is misread.
//!
//! The first line becomes the value of a header, the rest the body.
#![no_main]

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use lotse_core::secret::SecretString;
use lotse_source::config::Target;
use lotse_source::webhook::{self, Secret, Wish};

const SECRET: &str = "a secret that no input has: 7b1e9d3c5f";

fuzz_target!(|data: &[u8]| {
    let (value, body) = data.split_at(data.iter().position(|b| *b == b'\n').unwrap_or(data.len()));
    let Ok(secret) = Secret::new(SecretString::from(SECRET)) else { return };
    let Ok(value) = HeaderValue::from_bytes(value) else { return };
    for name in ["x-hub-signature-256", "x-gitea-signature", "x-gitlab-token"] {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.clone());
        if value.as_bytes() != SECRET.as_bytes() {
            assert!(!secret.is_proven(&headers, body), "proven without the secret");
        }
    }
    if webhook::read(body, &Target::branch("main")) == Wish::Look {
        let text = String::from_utf8_lossy(body);
        assert!(text.contains('m') || text.contains('\\'), "a look at a branch nobody named");
    }
});

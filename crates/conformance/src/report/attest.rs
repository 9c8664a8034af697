//! Results that others can verify: an in-toto statement in a DSSE envelope, and a verifiable credential.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::civil::DateTime;
use serde_json::{Value, json};

use super::sshsig::SigningKey;
use crate::judge::Outcome;
use crate::model::Verdict;

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "https://in-toto.io/attestation/test-result/v0.1";
const PAYLOAD: &str = "application/vnd.in-toto+json";

/// The outcome as an in-toto statement with the predicate for results of tests; its subject is the
/// snapshot, by its digest.
pub fn statement(outcome: &Outcome, snapshot: &[u8]) -> Value {
    let with = |wanted: &[Verdict]| -> Vec<&String> {
        let all = outcome.testcases.iter();
        all.filter(|(_, one)| wanted.contains(&one.judgement.verdict)).map(|(id, _)| id).collect()
    };
    let result = match outcome.verdict {
        Verdict::Pass => "PASSED",
        Verdict::Fail => "FAILED",
        Verdict::Abort | Verdict::Missing => "WARNED",
    };
    let digest = hex::encode(ring::digest::digest(&ring::digest::SHA256, snapshot));
    json!({
        "_type": STATEMENT,
        "subject": [{ "name": format!("snapshot of {}", outcome.cloud), "digest": { "sha256": digest } }],
        "predicateType": PREDICATE,
        "predicate": {
            "result": result,
            "configuration": [{ "name": outcome.scope.name, "uri": outcome.scope.url }],
            "passedTests": with(&[Verdict::Pass]),
            // What was aborted or is missing was not passed, and this predicate has no other word.
            "warnedTests": with(&[Verdict::Abort, Verdict::Missing]),
            "failedTests": with(&[Verdict::Fail]),
        },
    })
}

/// A statement in an envelope of DSSE 1.0, signed.
pub fn envelope(statement: &Value, key: &SigningKey) -> Value {
    let body = statement.to_string();
    json!({
        "payloadType": PAYLOAD,
        "payload": STANDARD.encode(&body),
        "signatures": [{
            "keyid": key.fingerprint(),
            "sig": STANDARD.encode(key.sign_raw(&authenticated(PAYLOAD, body.as_bytes()))),
        }],
    })
}

/// What DSSE signs: type and body with their lengths, so that neither can be taken for the other.
fn authenticated(kind: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {kind} {} ", kind.len(), body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Who vouches for a credential, and for how long.
#[derive(Clone, Debug)]
pub struct Issue<'a> {
    /// The issuer, as a decentralised identifier such as `did:web:example.org`.
    pub issuer: &'a str,
    /// Whose cloud it is.
    pub subject: &'a str,
    /// From when it counts (UTC).
    pub from: DateTime,
    /// Until when it counts (UTC), if it ends.
    pub until: Option<DateTime>,
}

/// The outcome as a verifiable credential (W3C, version 2.0) in a JSON Web Token, signed with `EdDSA`.
pub fn credential(outcome: &Outcome, issue: &Issue<'_>, key: &SigningKey) -> String {
    let versions: Vec<_> = outcome
        .versions
        .iter()
        .map(|version| {
            json!({
                "version": version.version,
                "validity": version.validity,
                "result": version.verdict,
            })
        })
        .collect();
    let instant = |at: DateTime| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut body = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "issuer": issue.issuer,
        "validFrom": instant(issue.from),
        "credentialSubject": {
            "name": issue.subject,
            "scope": { "id": format!("urn:uuid:{}", outcome.scope.uuid), "name": outcome.scope.name },
            "mode": outcome.mode,
            "versions": versions,
        },
    });
    if let Some(until) = issue.until {
        body["validUntil"] = instant(until).into();
    }
    let header = json!({
        "alg": "EdDSA",
        "typ": "vc+jwt",
        "kid": format!("{}#{}", issue.issuer, key.fingerprint()),
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&body));
    let signature = URL_SAFE_NO_PAD.encode(key.sign_raw(signed.as_bytes()));
    format!("{signed}.{signature}")
}

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use lotse_core::id::RunId;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde_json::Value;

use super::attest::{Issue, credential, envelope, statement};
use super::sshsig::SigningKey;
use super::*;
use crate::judge::{Choice, judge};
use crate::snapshot::{Answer, Snapshot};
use crate::{Mode, profile};

/// An outcome with passes, failures and aborts, and an object with an evil name.
fn outcome() -> (Outcome, Snapshot) {
    let mut snapshot = Snapshot::empty("harbour <1>", "2026-11-01T12:00:00Z".parse().unwrap());
    snapshot.services = vec!["compute".to_owned()];
    let evil =
        serde_json::json!({ "id": "f", "name": "SCS-4V<script>", "vcpus": 4, "ram": 1, "disk": 0 });
    snapshot.flavors = Answer::Given(vec![evil.as_object().unwrap().clone()]);
    let at = jiff::civil::date(2026, 11, 1).at(12, 0, 0, 0);
    let spec = profile::named("scs-iaas", Mode::Standard).unwrap();
    let choice =
        Choice { versions: vec!["v5.1".to_owned()], ..Choice::everything(at, Mode::Standard) };
    (judge(&spec, &snapshot, &choice).unwrap(), snapshot)
}

fn run() -> Run<'static> {
    Run {
        uuid: uuid::Uuid::from_u128(7),
        subject: "harbour",
        checked_at: jiff::civil::date(2026, 11, 1).at(12, 0, 5, 0),
        forced_version: Some("v5.1"),
        forced_tests: None,
    }
}

fn key() -> (SigningKey, UnparsedPublicKey<Vec<u8>>) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let public = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref().to_vec());
    (SigningKey::from(pair), public)
}

#[test]
fn a_report_has_what_the_monitor_needs() {
    let report = report(&outcome().0, &run(), Generation::Runs);
    assert_eq!(report["spec"]["uuid"], "50393e6f-2ae1-4c5c-a62c-3b75f2abef3f");
    assert_eq!(report["checked_at"], "2026-11-01T12:00:05");
    assert_eq!(report["subject"], "harbour");
    let uuid = report["run"]["uuid"].as_str().unwrap();
    let results = &report["run"]["invocations"][uuid]["results"];
    assert_eq!(results["scs-0123-service-compute"], 1);
    assert_eq!(results["scs-0123-service-image"], -1);
    assert_eq!(results["scs-0102-prop-min_ram"], 0);
    let stdout = report["run"]["invocations"][uuid]["stdout"].as_array().unwrap();
    assert!(stdout.contains(&"scs-0123-service-compute: PASS".into()), "{stdout:?}");
}

#[test]
fn the_coming_form_has_tests_and_a_log() {
    let report = report(&outcome().0, &run(), Generation::Tests);
    assert_eq!(report["tests"]["scs-0123-service-image"]["result"], -1);
    let log = report["log"].as_array().unwrap();
    assert!(log.contains(&"INFO: *** scs-0123-service-image".into()), "{log:?}");
}

#[test]
fn junit_and_sarif_tell_failures_from_what_is_not_known() {
    let (outcome, _) = outcome();
    let xml =
        forms::junit(&outcome, "00000000-0000-7000-8000-000000000007".parse::<RunId>().unwrap());
    assert!(xml.contains("<testsuite name=\"scs-0102\""), "{xml}");
    assert!(xml.contains("<error") && xml.contains("<failure"), "{xml}");
    assert!(!xml.contains("<script>"));
    let sarif = forms::sarif(&outcome);
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let of = |id: &str| results.iter().find(|result| result["ruleId"] == id);
    assert_eq!(of("scs-0123-service-image").unwrap()["level"], "error");
    assert_eq!(of("scs-0102-prop-min_ram").unwrap()["kind"], "open");
    assert!(of("scs-0123-service-compute").is_none());
    let name = of("scs-0100-syntax-check").unwrap();
    assert_eq!(
        name["locations"][0]["logicalLocations"][0]["fullyQualifiedName"],
        "flavor/SCS-4V<script>"
    );
}

#[test]
fn pages_and_badges_escape_what_clouds_say() {
    let (outcome, _) = outcome();
    let html = page::html(&outcome);
    assert!(html.contains("SCS-4V&lt;script&gt;"), "{html}");
    assert!(!html.contains("<script") && !html.contains("harbour <1>"));
    assert!(html.contains("<b class=\"ABORT\">ABORT</b>"));
    let badge = page::badge(&outcome);
    assert!(badge.contains("SCS-compatible IaaS: failed"), "{badge}");
}

#[test]
fn an_envelope_is_signed_over_type_and_body() {
    let (outcome, snapshot) = outcome();
    let statement = statement(&outcome, snapshot.to_text().as_bytes());
    assert_eq!(statement["predicate"]["result"], "FAILED");
    let (key, public) = key();
    let envelope = envelope(&statement, &key);
    let decode = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
    let body = decode(&envelope["payload"]);
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), statement);
    let signature = decode(&envelope["signatures"][0]["sig"]);
    let signed = |body: &[u8]| {
        let kind = "application/vnd.in-toto+json";
        [format!("DSSEv1 28 {kind} {} ", body.len()).as_bytes(), body].concat()
    };
    public.verify(&signed(&body), &signature).unwrap();
    assert!(public.verify(&signed(b"{}"), &signature).is_err());
}

#[test]
fn a_credential_is_a_token_that_can_be_verified() {
    let (outcome, _) = outcome();
    let (key, public) = key();
    let from = jiff::civil::date(2026, 11, 1).at(0, 0, 0, 0);
    let until = Some(jiff::civil::date(2026, 12, 1).at(0, 0, 0, 0));
    let issue = Issue { issuer: "did:web:example.org", subject: "harbour", from, until };
    let token = credential(&outcome, &issue, &key);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let (_, body) = signed.split_once('.').unwrap();
    let body: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
    assert_eq!(body["validUntil"], "2026-12-01T00:00:00Z");
    assert_eq!(body["credentialSubject"]["versions"][0]["result"], "FAIL");
}

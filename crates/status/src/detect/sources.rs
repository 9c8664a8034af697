//! The forms in which monitors speak: Alertmanager, our own webhooks, health events.

use std::collections::BTreeMap;

use lotse_core::event::health::{Condition, Health};
use lotse_core::time::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::config::Alertmanager;
use super::measure::{Selector, Signal};
use crate::error::Error;

/// How bad it is when nobody says.
const USUAL: u8 = 50;
/// How bad it is when something is down.
const DOWN: u8 = 90;
/// How bad it is when something is slow.
const DEGRADED: u8 = 40;
/// No title of a monitor is shown longer, in characters.
const LONGEST_TITLE: usize = 200;
/// No message has more signals.
const MOST_SIGNALS: usize = 1000;

/// A notification of Alertmanager, version 4 of its webhook.
#[derive(Debug, Deserialize)]
struct Notification {
    version: String,
    alerts: Vec<Alert>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    status: AlertStatus,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    starts_at: Timestamp,
    #[serde(default)]
    ends_at: Option<Timestamp>,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
    #[serde(default)]
    fingerprint: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum AlertStatus {
    Firing,
    Resolved,
}

/// The signals of a notification of Alertmanager.
///
/// # Errors
/// It is none, or one of another version.
pub(super) fn alertmanager(
    body: &[u8],
    known: &Alertmanager,
    now: Timestamp,
) -> Result<Vec<Signal>, Error> {
    let notification: Notification = read(body)?;
    if notification.version != "4" {
        return Err(Error::invalid("version", "only version 4 of the webhook is understood"));
    }
    few(notification.alerts.len())?;
    Ok(notification.alerts.iter().map(|alert| alert.signal(known, now)).collect())
}

impl Alert {
    fn signal(&self, known: &Alertmanager, now: Timestamp) -> Signal {
        let named = known.labels.iter().filter_map(|label| {
            let value = self.labels.get(label).filter(|value| !value.is_empty())?;
            Some((label.clone(), value.clone()))
        });
        let severity = self.labels.get("severity").and_then(|word| known.severities.get(word));
        let is_firing = self.status == AlertStatus::Firing;
        let since = if is_firing { self.starts_at } else { self.ends_at.unwrap_or(now) };
        let name = self.labels.get("alertname").map_or("alert", String::as_str);
        Signal {
            source: "alertmanager".to_owned(),
            key: self.fingerprint.clone().unwrap_or_else(|| fingerprint(&self.labels)),
            components: Selector(named.collect()),
            severity: is_firing.then(|| severity.copied().unwrap_or(USUAL)),
            since,
            title: lotse_web::text::shown(name, LONGEST_TITLE),
            evidence: json!({
                "labels": self.labels,
                "annotations": self.annotations,
                "generator": self.generator_url,
            }),
        }
    }
}

/// What an alert without fingerprint is known by.
fn fingerprint(labels: &BTreeMap<String, String>) -> String {
    let text = serde_json::to_vec(labels).unwrap_or_default();
    hex::encode(Sha256::digest(text).get(..8).unwrap_or_default())
}

/// A message of our own form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    signals: Vec<Said>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    key: String,
    components: Selector,
    condition: Condition,
    #[serde(default)]
    severity: Option<u8>,
    #[serde(default)]
    since: Option<Timestamp>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    evidence: Value,
}

/// The signals of a message of our own form, from the webhook of this name.
///
/// # Errors
/// It is none.
pub(super) fn webhook(name: &str, body: &[u8], now: Timestamp) -> Result<Vec<Signal>, Error> {
    let message: Message = read(body)?;
    few(message.signals.len())?;
    let signal = |said: Said| {
        if said.components.is_empty() {
            return Err(Error::invalid("components", "at least one label is needed"));
        }
        if said.severity.is_some_and(|severity| !(1..=100).contains(&severity)) {
            return Err(Error::invalid("severity", "a severity from 1 to 100 is needed"));
        }
        let title = said.title.unwrap_or_else(|| said.key.clone());
        Ok(Signal {
            source: format!("webhook/{name}"),
            severity: severity(said.condition).map(|usual| said.severity.unwrap_or(usual)),
            key: said.key,
            components: said.components,
            since: said.since.unwrap_or(now),
            title: lotse_web::text::shown(&title, LONGEST_TITLE),
            evidence: said.evidence,
        })
    };
    message.signals.into_iter().map(signal).collect()
}

/// The signal of a health event.
pub(super) fn health(health: &Health) -> Signal {
    let key: Vec<_> = health.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Signal {
        source: format!("health/{}", health.watcher),
        key: key.join(","),
        components: Selector(health.labels.clone()),
        severity: severity(health.condition),
        since: health.since,
        title: lotse_web::text::shown(&health.watcher, LONGEST_TITLE),
        evidence: health.evidence.clone(),
    }
}

const fn severity(condition: Condition) -> Option<u8> {
    match condition {
        Condition::Well => None,
        Condition::Degraded => Some(DEGRADED),
        Condition::Down => Some(DOWN),
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::invalid("body", error.to_string()))
}

fn few(signals: usize) -> Result<(), Error> {
    if signals > MOST_SIGNALS {
        let reason = format!("a message has at most {MOST_SIGNALS} signals");
        return Err(Error::invalid("body", reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T06:00:00Z".parse().unwrap()
    }

    #[test]
    fn alerts_name_components_by_the_labels_that_are_declared() {
        let body = json!({
            "version": "4", "groupKey": "x", "status": "firing", "receiver": "lotse",
            "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://a",
            "alerts": [
                { "status": "firing", "labels": { "alertname": "ApiSlow", "severity": "critical",
                  "region": "west", "instance": "ctl-3:9100" }, "annotations": { "summary": "5 s" },
                  "startsAt": "2026-11-22T05:58:00.123Z", "endsAt": "0001-01-01T00:00:00Z",
                  "generatorURL": "http://p", "fingerprint": "f1" },
                { "status": "resolved", "labels": { "alertname": "ApiSlow", "region": "" },
                  "startsAt": "2026-11-22T05:00:00Z", "endsAt": "2026-11-22T05:30:00Z" },
            ],
        });
        let signals =
            alertmanager(body.to_string().as_bytes(), &Alertmanager::default(), now()).unwrap();
        assert_eq!(signals[0].components, Selector::from([("region", "west")]));
        assert_eq!((signals[0].severity, signals[0].key.as_str()), (Some(90), "f1"));
        assert_eq!(signals[0].since.to_string(), "2026-11-22T05:58:00.123Z");
        assert_eq!(signals[0].evidence["labels"]["instance"], "ctl-3:9100");
        assert!(signals[1].components.is_empty() && signals[1].severity.is_none());
        assert_eq!(signals[1].since.to_string(), "2026-11-22T05:30:00Z");
        assert_eq!(signals[1].key.len(), 16);
        for wrong in ["", "[]", "{\"version\":\"3\",\"alerts\":[]}", "{\"version\":\"4\"}"] {
            assert!(alertmanager(wrong.as_bytes(), &Alertmanager::default(), now()).is_err());
        }
    }

    #[test]
    fn messages_of_our_form_are_read_strictly() {
        let said = |change: fn(&mut Value)| {
            let mut one = json!({ "key": "k", "components": { "region": "west" },
                "condition": "down", "evidence": { "host": "cn-1" } });
            change(&mut one);
            webhook("probe", json!({ "signals": [one] }).to_string().as_bytes(), now())
        };
        let signal = said(|_| ()).unwrap().remove(0);
        assert_eq!((signal.source.as_str(), signal.severity), ("webhook/probe", Some(DOWN)));
        assert_eq!((signal.since, signal.title.as_str()), (now(), "k"));
        assert_eq!(said(|one| one["severity"] = json!(7)).unwrap()[0].severity, Some(7));
        assert_eq!(said(|one| one["condition"] = json!("well")).unwrap()[0].severity, None);
        for wrong in [
            (|one| one["severity"] = json!(0)) as fn(&mut Value),
            |one| one["components"] = json!({}),
            |one| one["condition"] = json!("bad"),
            |one| one["more"] = json!(1),
        ] {
            assert!(said(wrong).is_err());
        }
    }
}

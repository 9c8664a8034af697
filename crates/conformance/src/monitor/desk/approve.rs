//! What people say of results, and the reports as they were sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lotse_store::Error;
use lotse_store::audit::{Deed, DeedOutcome};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Monitor, Voice};
use crate::monitor::refusal::Refusal;
use crate::monitor::standing::{Held, Latest};
use crate::monitor::store::{self, Report};
use crate::monitor::view::Key;
use crate::monitor::{incoming, signature};

/// So many reports are looked at for the result before one that is no longer approved.
const HISTORY: u32 = 1_000;

/// What somebody says of a result.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Word {
    /// The report.
    #[serde(alias = "report")]
    pub(crate) reportuuid: String,
    /// The testcase.
    #[serde(alias = "check")]
    pub(crate) testcase: String,
    /// Whether the result is approved.
    #[serde(deserialize_with = "truth")]
    pub(crate) approval: bool,
}

/// The upstream monitor writes truth as a boolean or as a number.
fn truth<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Bool(truth) => Ok(truth),
        Value::Number(number) if number.as_i64() == Some(1) => Ok(true),
        Value::Number(number) if number.as_i64() == Some(0) => Ok(false),
        _ => Err(serde::de::Error::custom("approval is true or false")),
    }
}

impl Monitor {
    /// Takes what somebody says of results: everything, or nothing.
    pub(crate) async fn approve(&self, actor: &str, words: &[Word]) -> Result<(), Refusal> {
        let now = self.now();
        let mut transaction = self.store().begin("approve results").await?;
        let (revision, mut rows) = self.rows_for_writing(&mut transaction).await?;
        let mut touched: BTreeMap<Key, BTreeSet<&str>> = BTreeMap::new();
        for (id, said) in by_report(words) {
            let report = store::report_in(&mut transaction, id).await?;
            let mut report = report.ok_or(Refusal::NotFound("such result"))?;
            let testcases = touched.entry((report.subject.clone(), report.scope.clone()));
            let testcases = testcases.or_default();
            for word in said {
                if !report.results.contains_key(&word.testcase) {
                    return Err(Refusal::NotFound("such result"));
                }
                report.approvals.insert(word.testcase.clone(), word.approval);
                testcases.insert(&word.testcase);
                transaction.record(deed(actor, word, &report, now));
            }
            store::set_approvals(&mut transaction, &report).await?;
        }
        for (key, testcases) in &touched {
            let history = store::history_in(&mut transaction, key, HISTORY).await?;
            let row = Arc::make_mut(rows.entry(key.clone()).or_default());
            for testcase in testcases {
                retell(&mut row.latest, testcase, &history);
            }
        }
        let touched: BTreeSet<_> = touched.into_keys().collect();
        self.tell(&mut transaction, &mut rows, (&touched, Voice::Aloud), now).await?;
        transaction.commit().await?;
        self.publish(revision, rows, touched.iter());
        Ok(())
    }

    /// A report as it was sent, without its signature.
    pub(crate) async fn document(&self, report: &Report) -> Result<Option<Value>, Error> {
        let Some(upload) = store::upload(self.store(), &report.upload).await? else {
            return Ok(None);
        };
        let body = signature::split(&upload.evidence).map_or(&*upload.evidence, |(_, body)| body);
        let documents = incoming::documents(upload.media, body).unwrap_or_default();
        let is_it = |document: &Value| {
            let id = document.pointer("/run/uuid").or_else(|| document.get("uuid"));
            let id = id.and_then(Value::as_str).and_then(|text| uuid::Uuid::parse_str(text).ok());
            id.is_some_and(|id| id.to_string() == report.id)
        };
        Ok(documents.into_iter().find(is_it))
    }
}

/// What is said of each report, in the order in which it was said.
fn by_report(words: &[Word]) -> BTreeMap<&str, Vec<&Word>> {
    let mut reports: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for word in words {
        reports.entry(word.reportuuid.as_str()).or_default().push(word);
    }
    reports
}

/// The newest results of a testcase anew, from the newest reports.
fn retell(latest: &mut Latest, testcase: &str, history: &[Report]) {
    latest.newest.remove(testcase);
    latest.approved.remove(testcase);
    for report in history.iter().rev() {
        if let Some(result) = report.results.get(testcase) {
            let approved = report.is_approved(testcase);
            let checked = report.checked.as_microsecond();
            latest.take(testcase, Held(*result, checked, report.id.clone(), approved));
        }
    }
}

fn deed(actor: &str, word: &Word, report: &Report, now: lotse_core::time::Timestamp) -> Deed {
    Deed {
        at: now,
        actor: actor.to_owned(),
        action: if word.approval { "conformance.approve" } else { "conformance.disapprove" }
            .to_owned(),
        object: format!("{}/{}/{}", report.subject, report.id, word.testcase),
        outcome: DeedOutcome::Done,
        request_ids: Vec::new(),
        detail: json!({ "result": report.results.get(&word.testcase) }),
    }
}

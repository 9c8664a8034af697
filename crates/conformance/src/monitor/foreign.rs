//! What the compliance monitor of SCS has kept in its PostgreSQL, taken over: reports, their results
//! and what people said of them.
//!
//! Results are taken as that monitor counted them (table `result2`), and the reports as evidence.
//! Reports keep their uuids, so that links go on working, and those that are there already are passed
//! over: the same database can be imported again, until the day on which everybody reports here.
//! Nobody is told of verdicts that were news long ago. Nothing in the foreign database is changed.

use std::collections::BTreeMap;

use lotse_core::time::Timestamp;
use lotse_store::Error;
use lotse_store::audit::{Deed, DeedOutcome};
use lotse_store::foreign::Foreign;
use lotse_store::row::Columns;
use lotse_store::sqlx;
use serde_json::json;
use uuid::Uuid;

use super::desk::{Monitor, Voice};
use super::incoming::{self, Incoming, Media};
use super::store::{self, Said, Upload};

/// Reports that are read at a time; each may have some MiB.
const PAGE: i64 = 50;

const REPORTS: &str = "\
SELECT reportid::bigint AS number, reportuuid::text AS id, COALESCE(subject, '') AS subject,
  (EXTRACT(EPOCH FROM checked_at) * 1000000)::bigint AS checked, COALESCE(data::text, '{}') AS data
FROM report WHERE reportid > $1 ORDER BY reportid LIMIT $2";

const RESULTS: &str = "\
SELECT reportid::bigint AS number, scopeuuid::text AS scope, testcase::text AS testcase,
  result::bigint AS result, COALESCE(approval::int, 0)::bigint AS approved
FROM result2 WHERE reportid > $1 AND reportid <= $2 ORDER BY reportid, scopeuuid, testcase";

/// What came of an import.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Imported {
    /// Reports that were taken over.
    pub reports: usize,
    /// Reports that were there already.
    pub known: usize,
    /// Reports that were not taken, by the reason.
    pub skipped: BTreeMap<&'static str, usize>,
}

/// A report as it is there.
struct Found {
    number: i64,
    id: Uuid,
    subject: String,
    checked: Timestamp,
    data: String,
}

/// The results of a report, by scope and testcase, and whether they were approved.
type Results = BTreeMap<String, BTreeMap<String, (i8, bool)>>;

/// A report as it is kept here.
struct Taken {
    report: Incoming,
    said: Said,
    upload: Upload,
}

impl Monitor {
    /// Takes over what the monitor with the database at `postgres://…` knows about the scopes of this
    /// one; `actor` is who wanted it.
    ///
    /// # Errors
    /// One of the databases cannot be used, or that one is of another program. What was taken over
    /// until then stays.
    pub async fn import(&self, url: &str, actor: &str) -> Result<Imported, Error> {
        let mut foreign = Foreign::open(url).await?;
        let (mut imported, mut last) = (Imported::default(), i64::MIN);
        loop {
            let found = reports(&mut foreign, last).await?;
            let Some(end) = found.last().map(|report| report.number) else { break };
            let mut results = results(&mut foreign, last, end).await?;
            let mut taken = Vec::with_capacity(found.len());
            for report in found {
                let results = results.remove(&report.number).unwrap_or_default();
                match self.readable(report, results) {
                    Ok(report) => taken.push(report),
                    Err(reason) => *imported.skipped.entry(reason).or_default() += 1,
                }
            }
            let new = self.keep(&taken).await?;
            imported.reports += new;
            imported.known += taken.len() - new;
            last = end;
        }
        foreign.close().await?;
        let mut transaction = self.store().begin("write down that reports were imported").await?;
        transaction.record(self.imported(actor, &imported));
        transaction.commit().await?;
        Ok(imported)
    }

    /// The report as it is kept here, or why it is not.
    fn readable(&self, found: Found, mut results: Results) -> Result<Taken, &'static str> {
        let Found { id, subject, checked, data, .. } = found;
        if checked < self.oldest() {
            return Err("older than reports are kept here");
        }
        if incoming::is_no_name(&subject) {
            return Err("without a usable subject");
        }
        let scope = self.scopes().iter().find(|spec| results.contains_key(&spec.uuid));
        let scope = scope.ok_or("without results of a scope that is known here")?.uuid.clone();
        let results = results.remove(&scope).unwrap_or_default();
        // What is said by the result itself is not kept as somebody's word.
        let said = results.iter().filter(|(_, (result, approved))| *approved != (*result == 1));
        let said = said.map(|(testcase, (_, approved))| (testcase.clone(), *approved)).collect();
        let results = results.into_iter().map(|(testcase, (result, _))| (testcase, result));
        let results = results.collect();
        let upload = Upload { account: subject.clone(), media: Media::Json, evidence: data };
        let checked = checked.min(self.now());
        Ok(Taken { report: Incoming { id, subject, scope, checked, results }, said, upload })
    }

    /// Keeps those that are not there. Returns how many that were.
    async fn keep(&self, taken: &[Taken]) -> Result<usize, Error> {
        let now = self.now();
        let mut transaction = self.store().begin("import reports").await?;
        let (revision, mut rows) = self.rows_for_writing(&mut transaction).await?;
        let ids: Vec<_> = taken.iter().map(|one| one.report.id).collect();
        let known = store::known_reports(&mut transaction, &ids).await?;
        let new: Vec<_> = taken.iter().filter(|one| !known.contains(&one.report.id)).collect();
        let (mut uploads, mut kept) = (Vec::new(), Vec::new());
        for one in &new {
            let id = Uuid::now_v7();
            uploads.push((id, &one.upload));
            kept.push((id, &one.report, &one.said));
        }
        let touched = kept.iter().map(|(_, report, said)| self.take(&mut rows, report, said));
        let touched = touched.collect();
        store::insert_uploads(&mut transaction, &uploads, now).await?;
        store::insert_reports(&mut transaction, &kept, now).await?;
        self.tell(&mut transaction, &mut rows, (&touched, Voice::Quiet), now).await?;
        transaction.commit().await?;
        self.publish(revision, rows, touched.iter());
        Ok(new.len())
    }

    fn imported(&self, actor: &str, imported: &Imported) -> Deed {
        Deed {
            at: self.now(),
            actor: actor.to_owned(),
            action: "conformance.import".to_owned(),
            object: "reports".to_owned(),
            outcome: DeedOutcome::Done,
            request_ids: Vec::new(),
            detail: json!({
                "reports": imported.reports,
                "known": imported.known,
                "skipped": imported.skipped,
            }),
        }
    }
}

async fn reports(foreign: &mut Foreign, last: i64) -> Result<Vec<Found>, Error> {
    let rows = foreign.rows(sqlx::query(REPORTS).bind(last).bind(PAGE)).await?;
    let read = |row| {
        let row = Columns(row);
        Ok(Found {
            number: row.integer("number")?,
            id: row.parsed("id")?,
            subject: row.text("subject")?,
            checked: row.time("checked")?,
            data: row.text("data")?,
        })
    };
    rows.iter().map(read).collect()
}

/// The results of the reports behind `last` up to `end`, by the number of the report.
async fn results(
    foreign: &mut Foreign,
    last: i64,
    end: i64,
) -> Result<BTreeMap<i64, Results>, Error> {
    let mut found: BTreeMap<i64, Results> = BTreeMap::new();
    for row in &foreign.rows(sqlx::query(RESULTS).bind(last).bind(end)).await? {
        let row = Columns(row);
        let (testcase, approved) = (row.text("testcase")?, row.integer("approved")? != 0);
        let Ok(result @ -1..=1) = i8::try_from(row.integer("result")?) else { continue };
        if incoming::is_no_name(&testcase) {
            continue;
        }
        let of_scope = found.entry(row.integer("number")?).or_default();
        let of_scope = of_scope.entry(row.text("scope")?).or_default();
        // Of two results for one testcase the worse one counts, as in what is sent to us.
        let known = of_scope.entry(testcase).or_insert((result, approved));
        if result < known.0 {
            *known = (result, approved);
        }
    }
    Ok(found)
}

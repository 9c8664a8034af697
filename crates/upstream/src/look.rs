//! Looking for the newest builds of many definitions: search, ask what is needed, search again.

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};

use crate::fetch::Client;
use crate::model::{Answers, Definition, Finding, Request};
use crate::search::{Step, search};
use crate::source::Sources;

/// What came of looking, in the order of the definitions. No address is asked twice, however many
/// definitions need it; one that fails concerns only those.
pub async fn look(definitions: &[&Definition], sources: &Sources, client: &Client) -> Vec<Finding> {
    let mut answers = Answers::new();
    loop {
        let steps: Vec<Step> =
            definitions.iter().map(|one| search(one, sources, &answers)).collect();
        let mut needs: BTreeSet<Request> = BTreeSet::new();
        let mut findings = Vec::new();
        for step in steps {
            match step {
                Step::Ask(request) => drop(needs.insert(request)),
                Step::Done(finding) => findings.push(finding),
            }
        }
        if needs.is_empty() {
            return findings;
        }
        let asked = stream::iter(needs).map(|request| async move {
            let reached = sources.reached(request.url()).into_owned();
            let answer = client.ask(&request, &reached).await;
            (request, answer)
        });
        let got: Vec<_> = asked.buffer_unordered(client.concurrency().max(1)).collect().await;
        answers.extend(got);
    }
}

//! A volume that is backed up and restored (scs-0117).

use std::time::Duration;

use serde_json::{Value, json};

use super::{Lab, Look, NotDone, Observer, Steps, Trial};
use crate::snapshot::{Answer, Proof};
use crate::testcase::Need;

const STORAGE: &str = "block-storage";

/// How long the cloud may take for a volume, a backup or a restored volume each.
const PATIENCE: Duration = Duration::from_mins(5);

impl Observer<'_> {
    /// Whether a volume can be backed up and restored.
    pub(in super::super) async fn backup(&self) -> Answer<Proof> {
        if !self.needs(Need::Backup) {
            return Answer::NotAsked;
        }
        let lab = match &self.lab {
            Ok(lab) => *lab,
            Err(refused) => return Answer::Failed(refused.clone()),
        };
        let mut steps = Steps::default();
        match Box::pin(self.attempt(lab, Trial::Backup, self.back_up(lab, &mut steps))).await {
            Ok(tried) => steps.ended(&tried).map_or_else(Answer::Failed, Answer::Given),
            Err(error) => Answer::Failed(error.trouble()),
        }
    }

    async fn back_up(&self, lab: &Lab, steps: &mut Steps) -> Result<(), NotDone> {
        steps.begin("make a volume");
        let body = json!({ "volume": { "name": self.name(), "size": 1 } });
        let volume = self.make("volumes", "volume", &body).await?;
        self.settled(lab, "volume", &format!("/volumes/{volume}")).await?;
        steps.begin("back it up");
        let body = json!({ "backup": { "name": self.name(), "volume_id": volume } });
        let backup = format!("/backups/{}", self.make("backups", "backup", &body).await?);
        self.settled(lab, "backup", &backup).await?;
        steps.begin("restore it to a new volume");
        let body = json!({ "restore": { "name": format!("{}-restored", self.name()) } });
        let request = self.cloud.post(STORAGE, &format!("{backup}/restore")).json(&body);
        let answer = self.ask(request).await?;
        let restored = text(&answer, "restore", "volume_id")?;
        self.settled(lab, "volume", &format!("/volumes/{restored}")).await?;
        self.settled(lab, "backup", &backup).await
    }

    async fn make(&self, kind: &str, key: &str, body: &Value) -> Result<String, NotDone> {
        let answer = self.ask(self.cloud.post(STORAGE, &format!("/{kind}")).json(body)).await?;
        text(&answer, key, "id")
    }

    /// Waits until it is available; an error of it ends the waiting.
    async fn settled(&self, lab: &Lab, key: &str, path: &str) -> Result<(), NotDone> {
        self.until(lab, PATIENCE, async || {
            let answer = self.ask(self.cloud.get(STORAGE, path)).await?;
            let status = answer[key]["status"].as_str().unwrap_or("unknown");
            let seen = format!("the {key} is {status}");
            match status {
                "available" => Ok(Look::Done(())),
                status if status.starts_with("error") => Err(NotDone::Stuck(seen)),
                _ => Ok(Look::NotYet(seen)),
            }
        })
        .await
    }
}

fn text(answer: &Value, object: &str, key: &str) -> Result<String, NotDone> {
    let found = answer[object][key].as_str().filter(|text| !text.is_empty());
    let missing = || NotDone::Stuck(format!("the answer has no {key} of the {object}"));
    found.map(ToOwned::to_owned).ok_or_else(missing)
}

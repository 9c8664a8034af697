//! What can be seen only by doing it. Everything made here carries the id of the run in its name, is
//! deleted by the run that made it, and what a killed run left behind is deleted by a later one.

use std::time::Duration;

use lotse_core::error::chain;
use lotse_core::time::{SignedDuration, Timestamp};
use lotse_openstack::{Error as CloudError, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Observer, RULE_FIELDS, Reach, listed};
use crate::model::Reason;
use crate::snapshot::{Answer, DefaultRules, Proof, RulesWay, Trouble};
use crate::testcase::Need;

/// What the names of all that a check makes begin with.
pub(super) const PREFIX: &str = "lotse-conformance-";

/// Of an unfinished run nothing is older than this, unless the run was killed.
const ABANDONED: SignedDuration = SignedDuration::from_hours(2);

/// How long the cloud may take for a volume, a backup or a restored volume each.
const PATIENCE: Duration = Duration::from_mins(5);

impl Observer<'_> {
    fn name(&self) -> String {
        format!("{PREFIX}{}", self.options.run)
    }

    fn is_abandoned(&self, item: &Value) -> bool {
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
        // Cinder leaves out the zone, which is UTC.
        let created = text("created_at");
        let created: Option<Timestamp> =
            created.parse().or_else(|_| format!("{created}Z").parse()).ok();
        text("name").starts_with(PREFIX)
            && created.is_some_and(|created| self.options.now.duration_since(created) > ABANDONED)
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Value, CloudError> {
        self.counted();
        let response = request.send().await?;
        if response.body().is_empty() { Ok(Value::Null) } else { response.json() }
    }

    /// Deletes it; that it is gone already is as good.
    async fn remove(&self, service: &str, path: &str) -> Result<(), CloudError> {
        self.counted();
        match self.cloud.delete(service, path).send().await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// The rules of a group that is made for this.
    pub(super) async fn rules_of_new_group(&self) -> Result<DefaultRules, CloudError> {
        let (service, path) = ("network", "/v2.0/security-groups");
        let query = self.cloud.get(service, path);
        let known = self
            .ask(query.query("fields", "id").query("fields", "name").query("fields", "created_at"));
        for group in known.await?["security_groups"].as_array().into_iter().flatten() {
            if let (true, Some(id)) = (self.is_abandoned(group), group["id"].as_str()) {
                self.remove(service, &format!("{path}/{id}")).await?;
            }
        }
        let body = json!({ "security_group": {
            "name": self.name(),
            "description": "made by a conformance check, which deletes it at once",
        }});
        let made = self.ask(self.cloud.post(service, path).json(&body)).await?;
        let group = &made["security_group"];
        let rules = listed(group, "security_group_rules", RULE_FIELDS);
        if let Some(id) = group["id"].as_str() {
            self.remove(service, &format!("{path}/{id}")).await?;
        }
        Ok(DefaultRules { way: RulesWay::NewGroup, rules })
    }

    /// Whether a member can keep a secret.
    pub(super) async fn secret(&self, there: bool) -> Answer<Proof> {
        if !self.options.needs.contains(&Need::Secret) || !there {
            return Answer::NotAsked;
        }
        if self.options.reach == Reach::ReadOnly {
            return not_allowed();
        }
        let mut steps = Steps::default();
        if let Err(error) = self.keep_secret(&mut steps).await {
            steps.fail(&error);
        }
        Answer::Given(steps.proof)
    }

    async fn keep_secret(&self, steps: &mut Steps) -> Result<(), CloudError> {
        let (service, name) = ("key-manager", self.name());
        // Should this run be killed, the key manager forgets the secret by itself.
        let end = self.options.now.saturating_add(SignedDuration::from_hours(1)).ok();
        let body = json!({
            "name": name,
            "secret_type": "opaque",
            "payload": "this is not a secret",
            "payload_content_type": "text/plain",
            "expiration": end.map(|end| end.strftime("%Y-%m-%dT%H:%M:%S").to_string()),
        });
        steps.begin("keep a secret");
        let made = self.ask(self.cloud.post(service, "/v1/secrets").json(&body)).await?;
        let id = made["secret_ref"].as_str().and_then(|address| address.rsplit('/').next());
        let path = id.map(|id| format!("/v1/secrets/{id}"));
        steps.begin("find the secret");
        let found = self.ask(self.cloud.get(service, "/v1/secrets").query("name", &name)).await;
        // Deleted whatever the listing said.
        if let Some(path) = path {
            steps.begin("delete the secret");
            self.remove(service, &path).await?;
        }
        found.map(|_| ())
    }

    /// Whether a volume can be backed up and restored.
    pub(super) async fn backup(&self) -> Answer<Proof> {
        if !self.options.needs.contains(&Need::Backup) {
            return Answer::NotAsked;
        }
        if self.options.reach == Reach::ReadOnly {
            return not_allowed();
        }
        let mut steps = Steps::default();
        let mut made = Vec::new();
        if let Err(error) = self.back_up(&mut steps, &mut made).await {
            steps.fail_as(error);
        }
        // In the opposite order: a volume with backups may go, one that is being restored may not.
        for path in made.iter().rev() {
            if let Err(error) = self.delete_and_wait(path).await {
                steps.begin("delete what was made");
                steps.fail_as(error);
            }
        }
        Answer::Given(steps.proof)
    }

    async fn back_up(&self, steps: &mut Steps, made: &mut Vec<String>) -> Result<(), NotDone> {
        steps.begin("delete what killed runs left behind");
        for kind in ["backups", "volumes"] {
            let request = self.cloud.get(STORAGE, &format!("/{kind}/detail"));
            for item in self.ask(request).await?[kind].as_array().into_iter().flatten() {
                if let (true, Some(id)) = (self.is_abandoned(item), item["id"].as_str()) {
                    self.delete_and_wait(&format!("/{kind}/{id}")).await?;
                }
            }
        }
        steps.begin("make a volume");
        let body = json!({ "volume": { "name": self.name(), "size": 1 } });
        let volume = self.make(made, "volumes", "volume", &body).await?;
        self.settled(&volume, "volume", "available").await?;
        steps.begin("back it up");
        let id = volume.rsplit('/').next().unwrap_or_default();
        let body = json!({ "backup": { "name": self.name(), "volume_id": id } });
        let backup = self.make(made, "backups", "backup", &body).await?;
        self.settled(&backup, "backup", "available").await?;
        steps.begin("restore it to a new volume");
        let body = json!({ "restore": { "name": format!("{}-restored", self.name()) } });
        let request = self.cloud.post(STORAGE, &format!("{backup}/restore")).json(&body);
        let answer = self.ask(request).await?;
        let restored = answer["restore"]["volume_id"].as_str().unwrap_or_default();
        let restored = format!("/volumes/{restored}");
        made.insert(0, restored.clone());
        self.settled(&restored, "volume", "available").await?;
        self.settled(&backup, "backup", "available").await
    }

    async fn make(
        &self,
        made: &mut Vec<String>,
        kind: &str,
        key: &str,
        body: &Value,
    ) -> Result<String, NotDone> {
        let answer = self.ask(self.cloud.post(STORAGE, &format!("/{kind}")).json(body)).await?;
        let id = answer[key]["id"].as_str().unwrap_or_default();
        let path = format!("/{kind}/{id}");
        made.push(path.clone());
        Ok(path)
    }

    /// Waits until it has this status; an error of it ends the waiting.
    async fn settled(&self, path: &str, key: &str, wanted: &str) -> Result<(), NotDone> {
        let begin = Instant::now();
        let mut pause = Duration::from_millis(100);
        loop {
            let answer = self.ask(self.cloud.get(STORAGE, path)).await?;
            let status = answer[key]["status"].as_str().unwrap_or("unknown");
            if status == wanted {
                return Ok(());
            }
            if status.starts_with("error") || begin.elapsed() > PATIENCE {
                return Err(NotDone::Stuck { what: key.to_owned(), status: status.to_owned() });
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    async fn delete_and_wait(&self, path: &str) -> Result<(), NotDone> {
        self.remove(STORAGE, path).await?;
        let begin = Instant::now();
        let mut pause = Duration::from_millis(100);
        loop {
            self.counted();
            match self.cloud.get(STORAGE, path).send().await {
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => return Err(error.into()),
                Ok(_) if begin.elapsed() > PATIENCE => {
                    let status = "still there after its deletion".to_owned();
                    return Err(NotDone::Stuck { what: path.to_owned(), status });
                }
                Ok(_) => {}
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }
}

const STORAGE: &str = "block-storage";

/// Why something did not work.
enum NotDone {
    /// The service refused.
    Refused(CloudError),
    /// It did not become what it should.
    Stuck { what: String, status: String },
}

impl From<CloudError> for NotDone {
    fn from(error: CloudError) -> Self {
        Self::Refused(error)
    }
}

/// What was done, in order.
struct Steps {
    proof: Proof,
}

impl Default for Steps {
    fn default() -> Self {
        Self { proof: Proof { steps: Vec::new(), worked: true, status: None } }
    }
}

impl Steps {
    fn begin(&mut self, what: &str) {
        // What went wrong stays the last step that is named.
        if self.proof.worked {
            self.proof.steps.push(what.to_owned());
        }
    }

    fn fail(&mut self, error: &CloudError) {
        let status = error.status().map(|status| status.as_u16());
        self.failed(&chain(error), status);
    }

    fn fail_as(&mut self, error: NotDone) {
        match error {
            NotDone::Refused(error) => self.fail(&error),
            NotDone::Stuck { what, status } => {
                self.failed(&format!("the {what} is {status}"), None);
            }
        }
    }

    /// The first failure counts; what fails afterwards follows from it.
    fn failed(&mut self, why: &str, status: Option<u16>) {
        if self.proof.worked {
            let step = self.proof.steps.pop().unwrap_or_default();
            self.proof.steps.push(format!("{step}: {why}"));
            self.proof.worked = false;
            self.proof.status = status;
        }
    }
}

fn not_allowed<T>() -> Answer<T> {
    Answer::Failed(Trouble {
        reason: Reason::NotObserved,
        message: "it can be seen only by changing the cloud for a moment, which was not allowed"
            .to_owned(),
        status: None,
        request_id: None,
    })
}

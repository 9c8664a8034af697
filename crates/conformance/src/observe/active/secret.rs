//! A secret of a member (scs-0116).

use lotse_core::time::SignedDuration;
use serde_json::json;

use super::{NotDone, Observer, Steps, Trial};
use crate::snapshot::{Answer, Proof};
use crate::testcase::Need;

impl Observer<'_> {
    /// Whether a member can keep a secret.
    pub(in super::super) async fn secret(&self, there: bool) -> Answer<Proof> {
        if !self.needs(Need::Secret) || !there {
            return Answer::NotAsked;
        }
        let lab = match &self.lab {
            Ok(lab) => *lab,
            Err(refused) => return Answer::Failed(refused.clone()),
        };
        let mut steps = Steps::default();
        match Box::pin(self.attempt(lab, Trial::Secret, self.keep_secret(&mut steps))).await {
            Ok(tried) => steps.ended(&tried).map_or_else(Answer::Failed, Answer::Given),
            Err(error) => Answer::Failed(error.trouble()),
        }
    }

    async fn keep_secret(&self, steps: &mut Steps) -> Result<(), NotDone> {
        let (service, name) = ("key-manager", self.name());
        // Should nobody come after this run, the key manager forgets the secret by itself.
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
        steps.begin("find the secret");
        self.ask(self.cloud.get(service, "/v1/secrets").query("name", &name)).await?;
        let id = made["secret_ref"].as_str().and_then(|address| address.rsplit('/').next());
        if let Some(id) = id {
            steps.begin("delete the secret");
            self.ask(self.cloud.delete(service, &format!("/v1/secrets/{id}"))).await?;
        }
        Ok(())
    }
}

//! Steps become requests. Nothing is chosen here and nothing is retried; the engine does that.

use async_trait::async_trait;
use lotse_core::error::ErrorKind;
use lotse_core::journal::Intent;
use lotse_openstack::{Cloud, Error, RequestBuilder, Response};
use lotse_plan::{Attempt, Outcome, Step, StepError};
use serde_json::{Map, Value, json};

use super::Operation;

/// What the description of a default rule that we made begins with; the marker follows.
const OURS: &str = "lotse ";
const RULES: &str = "/v2.0/default-security-group-rules";

/// Carries out the steps of such plans on one cloud.
#[derive(Debug)]
pub struct Executor {
    cloud: Cloud,
}

impl Executor {
    /// An executor on this cloud; its user is an administrator.
    pub const fn new(cloud: Cloud) -> Self {
        Self { cloud }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, StepError> {
        request.once().send().await.map_err(|error| failed(&error))
    }

    /// A flavor whose id is the marker, so that it can be found again.
    async fn create_flavor(
        &self,
        flavor: &Value,
        specs: &Map<String, Value>,
        attempt: &Attempt<'_>,
    ) -> Result<Outcome, StepError> {
        let id = attempt.marker.to_string();
        if attempt.found.is_none() {
            let mut body = json!({ "flavor": flavor });
            body["flavor"]["id"] = id.as_str().into();
            self.send(self.cloud.post("compute", "/v2.1/flavors").json(&body)).await?;
            attempt.created(&id);
        }
        self.set_specs(&id, specs).await
    }

    async fn set_specs(&self, id: &str, specs: &Map<String, Value>) -> Result<Outcome, StepError> {
        let path = format!("/v2.1/flavors/{id}/os-extra_specs");
        let request = self.cloud.post("compute", &path).json(&json!({ "extra_specs": specs }));
        // What is set twice is set.
        let answer = self.send(request.idempotent(true)).await?;
        Ok(Outcome::object(id).with_request_id(answer.request_id()))
    }

    async fn set_properties(
        &self,
        id: &str,
        replaced: &Map<String, Value>,
        added: &Map<String, Value>,
    ) -> Result<Outcome, StepError> {
        let operation = |op: &'static str| move |(key, value): (&String, &Value)| json!({ "op": op, "path": format!("/{key}"), "value": value });
        let patch: Vec<_> = replaced
            .iter()
            .map(operation("replace"))
            .chain(added.iter().map(operation("add")))
            .collect();
        let request = self
            .cloud
            .patch("image", &format!("/v2/images/{id}"))
            .header("content-type", "application/openstack-images-v2.1-json-patch")
            .json(&patch)
            .idempotent(true);
        let answer = self.send(request).await?;
        Ok(Outcome::object(id).with_request_id(answer.request_id()))
    }

    async fn create_rule(
        &self,
        ethertype: &str,
        attempt: &Attempt<'_>,
    ) -> Result<Outcome, StepError> {
        if let Some(found) = &attempt.found {
            return Ok(Outcome::object(found));
        }
        let body = json!({ "default_security_group_rule": {
            "direction": "egress",
            "ethertype": ethertype,
            "description": format!("{OURS}{}", attempt.marker),
            "used_in_default_sg": true,
            "used_in_non_default_sg": true,
        }});
        let answer = self.send(self.cloud.post("network", RULES).json(&body)).await?;
        let made: Value = answer.json().map_err(|error| failed(&error))?;
        let id = made["default_security_group_rule"]["id"].as_str().unwrap_or_default();
        attempt.created(id);
        Ok(Outcome::object(id).with_request_id(answer.request_id()))
    }

    async fn delete_rule(&self, id: &str) -> Result<Outcome, StepError> {
        let request = self.cloud.delete("network", &format!("{RULES}/{id}")).once();
        match request.send().await {
            // What is gone is gone.
            Err(error) if !error.is_not_found() => Err(failed(&error)),
            _ => Ok(Outcome::object(id)),
        }
    }

    async fn describe(&self, id: &str, description: &str) -> Result<Outcome, StepError> {
        let body = json!({ "volume_type": { "description": description } });
        let request = self.cloud.put("block-storage", &format!("/types/{id}")).json(&body);
        let answer = self.send(request).await?;
        Ok(Outcome::object(id).with_request_id(answer.request_id()))
    }
}

#[async_trait]
impl lotse_plan::Executor<Operation> for Executor {
    async fn recover(&self, intent: &Intent) -> Result<Option<String>, StepError> {
        match intent.kind.as_str() {
            "flavor" => {
                let id = intent.marker.to_string();
                let path = format!("/v2.1/flavors/{id}");
                match self.cloud.get("compute", &path).send().await {
                    Ok(_) => Ok(Some(id)),
                    Err(error) if error.is_not_found() => Ok(None),
                    Err(error) => Err(failed(&error)),
                }
            }
            "default rule" => {
                let answer = self.cloud.get("network", RULES).send().await;
                let page: Value =
                    answer.and_then(|answer| answer.json()).map_err(|error| failed(&error))?;
                let rules = page["default_security_group_rules"].as_array();
                let wanted = format!("{OURS}{}", intent.marker);
                let found = rules.into_iter().flatten().find(|rule| rule["description"] == wanted);
                Ok(found.and_then(|rule| rule["id"].as_str()).map(ToOwned::to_owned))
            }
            other => {
                let message = format!("objects of kind {other} are never made here");
                Err(StepError::new(ErrorKind::Internal, message))
            }
        }
    }

    async fn execute(
        &self,
        step: &Step<Operation>,
        attempt: &Attempt<'_>,
    ) -> Result<Outcome, StepError> {
        match &step.operation {
            Operation::CreateFlavor { name, vcpus, ram, disk, specs } => {
                let flavor = json!({ "name": name, "vcpus": vcpus, "ram": ram, "disk": disk });
                self.create_flavor(&flavor, specs, attempt).await
            }
            Operation::SetSpecs { id, specs } => self.set_specs(id, specs).await,
            Operation::SetProperties { id, replaced, added } => {
                self.set_properties(id, replaced, added).await
            }
            Operation::Describe { id, description } => self.describe(id, description).await,
            Operation::CreateRule { ethertype } => self.create_rule(ethertype, attempt).await,
            Operation::DeleteRule { id } => self.delete_rule(id).await,
        }
    }
}

fn failed(error: &Error) -> StepError {
    StepError::explained(error, error.retry_class())
}

//! The rules of a security group that is made for this (scs-0115 on Neutron before 2023.2).

use serde_json::json;

use super::super::{RULE_FIELDS, listed};
use super::{Lab, NotDone, Observer, Trial};
use crate::snapshot::{Answer, DefaultRules, RulesWay};

impl Observer<'_> {
    /// The rules of a new group.
    pub(in super::super) async fn rules_of_new_group(&self, lab: &Lab) -> Answer<DefaultRules> {
        match Box::pin(self.attempt(lab, Trial::Group, self.make_group())).await {
            Ok(tried) => {
                if let Err(error) = &tried.cleared {
                    let why = error.message();
                    tracing::warn!(%why, "the group of a check is not gone; a later check deletes it");
                }
                tried.work.map_or_else(|error| Answer::Failed(error.trouble()), Answer::Given)
            }
            Err(error) => Answer::Failed(error.trouble()),
        }
    }

    async fn make_group(&self) -> Result<DefaultRules, NotDone> {
        let body = json!({ "security_group": {
            "name": self.name(),
            "description": "made by a conformance check, which deletes it at once",
        }});
        let request = self.cloud.post("network", "/v2.0/security-groups").json(&body);
        let made = self.ask(request).await?;
        let rules = listed(&made["security_group"], "security_group_rules", RULE_FIELDS);
        Ok(DefaultRules { way: RulesWay::NewGroup, rules })
    }
}

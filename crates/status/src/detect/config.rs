//! What is detected and what follows from it, as it is declared. The doc comments are its reference.

use std::collections::BTreeMap;

use lotse_core::secret::SecretSource;
use lotse_core::time::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::measure::Selector;
use crate::model::Component;

/// Turns what monitors say into proposals for the status page.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "StatusDetection")]
#[serde(deny_unknown_fields, default)]
pub struct Detection {
    /// What happens with which components; the first rule that matches counts. Where none does,
    /// proposals wait for a person.
    pub rules: Vec<Rule>,
    /// Labels of components under which trouble of many becomes one proposal, the widest first.
    pub roll_up: Vec<RollUp>,
    /// What calls regularly; when it does not, that is suspicious. Names of your choice.
    pub heartbeats: BTreeMap<String, Heartbeat>,
    /// Who may send signed messages, by names of your choice.
    pub webhooks: BTreeMap<String, Webhook>,
    /// How alerts of Alertmanager are read.
    pub alertmanager: Alertmanager,
    /// What the public would read.
    pub draft: Words,
}

impl Default for Detection {
    fn default() -> Self {
        let roll_up = |label: &str| RollUp { label: label.to_owned(), ..RollUp::default() };
        Self {
            rules: Vec::new(),
            roll_up: vec![roll_up("region"), roll_up("group")],
            heartbeats: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            alertmanager: Alertmanager::default(),
            draft: Words::default(),
        }
    }
}

impl Detection {
    /// The rule of a component.
    pub fn rule(&self, component: &Component) -> Rule {
        let matching = |rule: &&Rule| rule.components.is_empty() || rule.components.fits(component);
        self.rules.iter().find(matching).cloned().unwrap_or_default()
    }
}

/// What happens with trouble of some components.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "StatusDetectionRule")]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Labels that the components have; `component` stands for id or name. Without any, all match.
    pub components: Selector,
    /// Who decides.
    pub mode: Mode,
    /// How long something must be bad before it is proposed.
    #[schemars(with = "String")]
    pub hold: SignedDuration,
    /// How long it must be well before it counts as over.
    #[schemars(with = "String")]
    pub calm: SignedDuration,
    /// With `auto`: how long a proposal waits for a veto.
    #[schemars(with = "String")]
    pub veto: SignedDuration,
    /// So many changes to bad within an hour count as bad, however short each was; 0 for never.
    pub flaps: u32,
    /// With `auto`: whether an incident that nobody touched ends when the trouble is over.
    pub close: bool,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            components: Selector::default(),
            mode: Mode::Confirm,
            hold: SignedDuration::from_mins(2),
            calm: SignedDuration::from_mins(5),
            veto: SignedDuration::from_mins(10),
            flaps: 5,
            close: false,
        }
    }
}

/// Who decides about a proposal.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "StatusDetectionMode")]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing is proposed; what is measured is shown to operators.
    Manual,
    /// A person confirms.
    #[default]
    Confirm,
    /// It is published after the veto time, unless a person dismisses it.
    Auto,
}

/// A label under which trouble of many becomes one.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "StatusDetectionRollUp")]
#[serde(deny_unknown_fields, default)]
pub struct RollUp {
    /// The label.
    pub label: String,
    /// At least so many components with the same value.
    pub at_least: u32,
    /// At least so many percent of them.
    #[schemars(range(min = 1, max = 100))]
    pub percent: u32,
}

impl Default for RollUp {
    fn default() -> Self {
        Self { label: "region".to_owned(), at_least: 2, percent: 50 }
    }
}

/// Something that calls regularly.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "StatusHeartbeat")]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// Where the last part of its address is: whoever knows it is the heart.
    pub secret: SecretSource,
    /// How often it calls, for example `1m`.
    #[schemars(with = "String")]
    pub every: SignedDuration,
    /// How late it may be, for example `30s`.
    #[serde(default = "grace")]
    #[schemars(with = "String")]
    pub grace: SignedDuration,
    /// Labels of the components that its silence makes suspicious.
    pub components: Selector,
    /// How bad its silence is, 1 to 100.
    #[serde(default = "severity")]
    #[schemars(range(min = 1, max = 100))]
    pub severity: u8,
}

const fn grace() -> SignedDuration {
    SignedDuration::from_secs(30)
}

const fn severity() -> u8 {
    50
}

/// A sender of signed messages.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "StatusWebhook")]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where the secret is that its messages are signed with (Standard Webhooks, `whsec_…`).
    pub secret: SecretSource,
}

/// How alerts of Alertmanager are read.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "StatusAlertmanager")]
#[serde(deny_unknown_fields, default)]
pub struct Alertmanager {
    /// Labels of alerts that name components, as far as an alert has them.
    pub labels: Vec<String>,
    /// How bad an alert is, by its label `severity`; 50 where it is not named here.
    pub severities: BTreeMap<String, u8>,
}

impl Default for Alertmanager {
    fn default() -> Self {
        let severities = [("critical", 90), ("warning", 30)];
        Self {
            labels: ["component", "region", "service"].map(str::to_owned).to_vec(),
            severities: severities.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }
}

/// What the public would read; `{what}` stands for the names of what is touched.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "StatusDetectionWords")]
#[serde(deny_unknown_fields, default)]
pub struct Words {
    /// The headline.
    pub name: String,
    /// The text.
    pub text: String,
    /// What is added when an incident is ended by a rule.
    pub recovered: String,
}

impl Default for Words {
    fn default() -> Self {
        Self {
            name: "Trouble with {what}".to_owned(),
            text: "We see signs of trouble with {what} and look into it.".to_owned(),
            recovered: "The trouble is over.".to_owned(),
        }
    }
}

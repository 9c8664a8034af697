//! The section `notify:` of `lotse.yaml`. The doc comments are its reference.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use lotse_core::secret::SecretSource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::channel::mail::Encryption;
use crate::channel::webhook::shape::Shape;

/// Who is told of what.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "Notify")]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The address under which people reach the console, for links in messages, for example
    /// `https://lotse.example.org`. By default `access.public_url`; without both messages have no
    /// links.
    #[serde(default)]
    pub base_url: Option<Url>,
    /// The ways to people and programs, by names of your choice.
    #[serde(default)]
    pub channels: BTreeMap<String, ChannelConfig>,
    /// Which events go to which channels. A channel is told of an event once, by the first rule
    /// that names it.
    #[serde(default)]
    pub rules: Vec<RuleConfig>,
}

/// A way to people or programs.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "Channel")]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum ChannelConfig {
    /// Mail by SMTP.
    Mail(MailConfig),
    /// An HTTP address that takes JSON: a program, or a chat.
    Webhook(WebhookConfig),
    /// A Matrix room.
    Matrix(MatrixConfig),
}

/// Mail by SMTP.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "Mail")]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// Name of the mail server.
    pub server: String,
    /// Its port; by default 587 for `starttls`, 465 for `implicit`, 25 for `none`.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the way to the server is encrypted: `starttls`, `implicit` (TLS from the first byte), or
    /// `none`, which is only for a server on this host.
    #[serde(default)]
    pub tls: Encryption,
    /// A file with the certificate of an authority that signs the server's certificate, beside those
    /// that the machine trusts (PEM).
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The user, if the server wants one.
    #[serde(default)]
    pub user: Option<String>,
    /// Where the user's password is.
    #[serde(default)]
    pub password: Option<SecretSource>,
    /// The sender, for example `Lotse <lotse@example.org>`.
    pub from: String,
    /// The recipients; each gets a mail of their own.
    #[schemars(length(min = 1))]
    pub to: Vec<String>,
}

/// An HTTP address that takes JSON. Exactly one of `url` and `url_from` is given.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "Webhook")]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// The address, where it is no secret.
    #[serde(default)]
    pub url: Option<Url>,
    /// Where the address is, when whoever knows it can write there, as with most chats.
    #[serde(default)]
    pub url_from: Option<SecretSource>,
    /// What is sent: `standard` (events for programs), `mattermost`, `slack` or `teams`.
    #[serde(default)]
    pub shape: Shape,
    /// Where the secret is that messages are signed with (Standard Webhooks, `whsec_…`).
    #[serde(default)]
    pub secret: Option<SecretSource>,
    /// A file with the certificate of an authority that signs the other side's certificate, beside
    /// those that the machine trusts (PEM).
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// A Matrix room.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "Matrix")]
#[serde(deny_unknown_fields)]
pub struct MatrixConfig {
    /// The home server, for example `https://matrix.example.org`.
    pub server: Url,
    /// The id of the room, `!…:example.org`.
    pub room: String,
    /// Where the access token is of the user who writes.
    pub token: SecretSource,
    /// A file with the certificate of an authority that signs the server's certificate, beside those
    /// that the machine trusts (PEM).
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// Which events go to which channels.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "NotifyRule")]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Topics of events; `*` stands for any text, for example `change.*` or `task.failed`.
    #[schemars(length(min = 1))]
    pub topics: Vec<String>,
    /// The channels that are told, by their names.
    #[schemars(length(min = 1))]
    pub channels: Vec<String>,
    /// The first event is told at once; others like it that follow within this time are gathered
    /// and told together at its end, for example `15m`. By default each is told at once.
    #[serde(default)]
    pub at_most_every: Interval,
    /// What counts as like it: by default events of the same topic about the same thing; with
    /// `true`, all that the rule selects.
    #[serde(default)]
    pub together: bool,
}

/// A length of time, written like `90s`, `15m`, `1h 30m` or `PT15M`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Interval(Duration);

impl Interval {
    /// The length.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for Interval {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let length: SignedDuration = text.parse().map_err(|_| {
            format!("\"{text}\" is not a length of time; write for example 90s, 15m or 1h")
        })?;
        Duration::try_from(length)
            .map(Self)
            .map_err(|_| format!("\"{text}\" is negative; a length of time is not"))
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        let length = SignedDuration::try_from(interval.0).unwrap_or(SignedDuration::MAX);
        format!("{length:#}")
    }
}

impl JsonSchema for Interval {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Interval".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A length of time, for example 0s, 90s, 15m, 1h 30m or PT15M."
        })
    }
}

impl Config {
    /// Makes the paths in it absolute: what is relative is so to `base`, where `lotse.yaml` lies.
    pub fn rebase(&mut self, base: &Path) {
        for channel in self.channels.values_mut() {
            let (file, secrets) = match channel {
                ChannelConfig::Mail(mail) => (&mut mail.ca_file, [mail.password.as_mut(), None]),
                ChannelConfig::Webhook(webhook) => {
                    (&mut webhook.ca_file, [webhook.url_from.as_mut(), webhook.secret.as_mut()])
                }
                ChannelConfig::Matrix(matrix) => {
                    (&mut matrix.ca_file, [Some(&mut matrix.token), None])
                }
            };
            if let Some(file) = file {
                *file = base.join(&*file);
            }
            for secret in secrets.into_iter().flatten() {
                if let SecretSource::File(path) = secret {
                    *path = base.join(&*path);
                }
            }
        }
    }
}

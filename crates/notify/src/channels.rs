//! From the configuration to channels and rules.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use lettre::transport::smtp::authentication::Credentials;
use lotse_core::secret::{ExposeSecret, SecretSource, SecretString};
use url::Url;

use crate::channel::Channel;
use crate::channel::http::Sender;
use crate::channel::mail::{Mail, Server};
use crate::channel::matrix::Matrix;
use crate::channel::webhook::Webhook;
use crate::channel::webhook::signature::Key;
use crate::config::{ChannelConfig, Config, MailConfig, MatrixConfig, WebhookConfig};
use crate::error::Error;
use crate::guard::{Guard, Reach};
use crate::route::Rule;
use crate::tls;

/// Reads a secret: what it is for, and where it is.
pub type ReadSecret<'a, E> = &'a dyn Fn(&'static str, &SecretSource) -> Result<SecretString, E>;

/// All channels, all rules, and where links lead.
#[derive(Clone, Debug, Default)]
pub struct Channels {
    by_name: BTreeMap<String, Arc<dyn Channel>>,
    rules: Vec<Rule>,
    base: Option<String>,
    finder: Option<Arc<dyn Find>>,
}

/// Finds channels that are not declared in `lotse.yaml`: those of the subscribers of a page.
#[async_trait]
pub trait Find: Send + Sync + std::fmt::Debug {
    /// The channel of this name, as it is now.
    ///
    /// # Errors
    /// The state cannot be read.
    async fn find(&self, name: &str) -> Result<Option<Arc<dyn Channel>>, lotse_store::Error>;
}

impl Channels {
    /// No channels yet; links in messages begin with `base`.
    pub fn new(base: Option<&Url>, rules: Vec<Rule>) -> Self {
        let base = base.map(|url| url.as_str().trim_end_matches('/').to_owned());
        Self { by_name: BTreeMap::new(), rules, base, finder: None }
    }

    /// Adds a channel.
    #[must_use]
    pub fn with(mut self, name: &str, channel: Arc<dyn Channel>) -> Self {
        self.by_name.insert(name.to_owned(), channel);
        self
    }

    /// Asks this one for channels that are not declared.
    #[must_use]
    pub fn found_by(mut self, finder: Arc<dyn Find>) -> Self {
        self.finder = Some(finder);
        self
    }

    /// The channel of this name, declared or found.
    pub(crate) async fn look_up(
        &self,
        name: &str,
    ) -> Result<Option<Arc<dyn Channel>>, lotse_store::Error> {
        match (self.by_name.get(name), &self.finder) {
            (Some(channel), _) => Ok(Some(channel.clone())),
            (None, Some(finder)) => finder.find(name).await,
            (None, None) => Ok(None),
        }
    }

    /// Whether nobody can be told of anything.
    pub(crate) fn is_idle(&self) -> bool {
        self.rules.is_empty() && self.finder.is_none()
    }

    /// What the configuration describes. Reads the files it names.
    ///
    /// # Errors
    /// [`Error::Channel`], [`Error::UnknownChannel`], and what reading a secret gives.
    pub fn configured<E: From<Error>>(config: &Config, read: ReadSecret<'_, E>) -> Result<Self, E> {
        let mut rules = Vec::with_capacity(config.rules.len());
        for rule in &config.rules {
            let known = |name: &&String| !config.channels.contains_key(*name);
            if let Some(unknown) = rule.channels.iter().find(known) {
                let topics = rule.topics.join(", ");
                return Err(Error::UnknownChannel { channel: unknown.clone(), topics }.into());
            }
            rules.push(Rule {
                topics: rule.topics.clone(),
                channels: rule.channels.clone(),
                at_most_every: rule.at_most_every.get(),
                together: rule.together,
            });
        }
        let mut channels = Self::new(config.base_url.as_ref(), rules);
        for (name, channel) in &config.channels {
            let channel: Arc<dyn Channel> = match channel {
                ChannelConfig::Mail(mail) => Arc::new(mail_channel(name, mail, read)?),
                ChannelConfig::Webhook(webhook) => Arc::new(webhook_channel(name, webhook, read)?),
                ChannelConfig::Matrix(matrix) => Arc::new(matrix_channel(name, matrix, read)?),
            };
            channels = channels.with(name, channel);
        }
        Ok(channels)
    }

    /// The channel of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Channel>> {
        self.by_name.get(name)
    }

    /// All channels, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<dyn Channel>)> {
        self.by_name.iter().map(|(name, channel)| (name.as_str(), channel))
    }

    /// All rules in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What links begin with, without a slash at its end.
    pub fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }
}

fn wrong(channel: &str) -> impl Fn(String) -> Error {
    move |reason| Error::Channel { channel: channel.to_owned(), reason }
}

fn authority(path: Option<&Path>) -> Result<Option<Vec<u8>>, String> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    path.map(read).transpose()
}

fn mail_channel<E: From<Error>>(
    name: &str,
    config: &MailConfig,
    read: ReadSecret<'_, E>,
) -> Result<Mail, E> {
    let wrong = wrong(name);
    let credentials = match (&config.user, &config.password) {
        (Some(user), Some(password)) => {
            let password = read("the password of a mail server", password)?;
            Some(Credentials::new(user.clone(), password.expose_secret().to_owned()))
        }
        (None, None) => None,
        _ => return Err(wrong("it needs both of user and password, or none".to_owned()).into()),
    };
    let server = Server {
        host: config.server.clone(),
        port: config.port.unwrap_or(config.tls.port()),
        encryption: config.tls,
        authority: authority(config.ca_file.as_deref()).map_err(&wrong)?,
        credentials,
    };
    let from = config.from.parse().map_err(&wrong)?;
    let to: Result<Vec<_>, String> = config.to.iter().map(|address| address.parse()).collect();
    Ok(Mail::new(server, from, to.map_err(&wrong)?).map_err(&wrong)?)
}

fn webhook_channel<E: From<Error>>(
    name: &str,
    config: &WebhookConfig,
    read: ReadSecret<'_, E>,
) -> Result<Webhook, E> {
    let wrong = wrong(name);
    let url = match (&config.url, &config.url_from) {
        (Some(url), None) => url.clone(),
        (None, Some(source)) => {
            let text = read("the address of a webhook", source)?;
            // The error of the parser could repeat a part of the address.
            let parsed = text.expose_secret().parse();
            parsed.map_err(|_| wrong("what url_from holds is no address".to_owned()))?
        }
        _ => return Err(wrong("it needs exactly one of url and url_from".to_owned()).into()),
    };
    let key = match &config.secret {
        Some(source) => {
            let secret = read("the signatures of a webhook", source)?;
            Some(Key::new(&secret).map_err(&wrong)?)
        }
        None => None,
    };
    let sender = sender(&url, config.ca_file.as_deref()).map_err(&wrong)?;
    Ok(Webhook::new(url, config.shape, key, sender))
}

fn matrix_channel<E: From<Error>>(
    name: &str,
    config: &MatrixConfig,
    read: ReadSecret<'_, E>,
) -> Result<Matrix, E> {
    let token = read("a Matrix room", &config.token)?;
    let sender = sender(&config.server, config.ca_file.as_deref()).map_err(wrong(name))?;
    Ok(Matrix::new(config.server.clone(), config.room.clone(), token, sender))
}

/// The operator chose the address, so it may be internal.
fn sender(url: &Url, ca_file: Option<&Path>) -> Result<Sender, String> {
    let guard = Guard::new(Reach::Everywhere);
    guard.check_url(url).map_err(|error| error.to_string())?;
    Sender::new(guard, tls::client_config(authority(ca_file)?.as_deref())?)
}

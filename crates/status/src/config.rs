//! The section `status:` of `lotse.yaml`. The doc comments are its reference.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lotse_core::secret::SecretSource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::client::Client;
use crate::command::Provision;
use crate::detect::config::Detection;
use crate::error::Error;
use crate::pages::look::{Look, Theme};
use crate::provision;
use crate::proxies::Network;
use crate::session::SignIn;
use crate::site::Options;
use crate::subscribe::pages::Subscriptions;

/// Shows the users of the clouds how they are: the status page, on listeners of its own.
///
/// Relative paths count from the directory of `lotse.yaml`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "Status")]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the page listens, its API included. Loopback unless told otherwise; put TLS before it.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Where the API listens on its own as well, for clients of the SCS status page.
    #[schemars(with = "Option<String>")]
    pub api_listen: Option<SocketAddr>,
    /// Where readers reach the page, for links in feeds and messages, for example
    /// `https://status.example.org`. By default the address that they used.
    pub public_url: Option<Url>,
    /// What a new page begins with, in the form that the SCS status page reads.
    pub provision: Option<PathBuf>,
    /// How the page looks: title, logo, colours.
    pub theme: Theme,
    /// Origins (`https://host`) whose pages may use the API with the credentials of their users.
    pub origins: Vec<String>,
    /// Whether whoever is on the same machine may write without a token. On a machine that others
    /// use, or behind a proxy that hides where requests come from: `false`.
    pub local_writes: bool,
    /// Proxies before the page, as addresses or networks (`10.0.0.0/8`): what they say in
    /// `X-Forwarded-For` is believed where readers are counted. Nobody else's word is.
    pub trusted_proxies: Vec<Network>,
    /// What monitors may say, and what follows from it. With this section, even an empty one, what
    /// they say becomes proposals.
    pub detection: Option<Detection>,
    /// Who may ask to be told when something changes. Without it, nobody: only the subscribers that
    /// were added by `lotse status subscriber add` are told.
    pub subscribers: Option<Subscribers>,
    /// The SCS web client, served beside the API on `api_listen`.
    pub client: Option<ClientConfig>,
    /// Lets readers sign in at the identity provider of `access.oidc`, to see the pages of audiences
    /// that name their groups. With this section, even an empty one (`readers: {}`).
    pub readers: Option<ReadersConfig>,
}

/// Readers who sign in.
///
/// The provider sends them back to `/reader/callback` below `status.public_url`; register this
/// address with the client. Their groups are looked for in the claim `access.oidc.roles_claim`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "StatusReaders")]
#[serde(deny_unknown_fields, default)]
pub struct ReadersConfig {
    /// The name under which the provider knows the client that they sign in with. By default that of
    /// `access.oidc`, with its secret.
    pub client_id: Option<String>,
    /// Where the secret of that client is kept. A public client has none; PKCE protects both.
    pub client_secret: Option<SecretSource>,
    /// Whether nobody reads anything who is not signed in: pages, feeds, badges and APIs, on both
    /// listeners. Everybody who may use the client at the provider is let in. Secret links go on
    /// working, and so do API tokens.
    pub required: bool,
}

/// The SCS web client.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "StatusClient")]
#[serde(deny_unknown_fields)]
pub struct ClientConfig {
    /// The directory with the files of its build, `index.html` among them.
    pub directory: PathBuf,
    /// The name under which the identity provider of `access.oidc` knows the client (a public one).
    /// Its people may then write what the roles allow that `access.oidc.grants` gives them. Without
    /// it, they only read.
    #[serde(default)]
    pub client_id: Option<String>,
}

/// Who may ask to be told when something changes.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "StatusSubscribers")]
#[serde(deny_unknown_fields, default)]
pub struct Subscribers {
    /// The channel of the section `notify` whose mail server and sender are used. Without it, nobody
    /// is told by mail.
    pub mail: Option<String>,
    /// Whether readers may have webhooks called: programs, Mattermost, Slack, Teams.
    pub webhooks: bool,
    /// Whether webhooks of readers may lead to internal addresses. Only where every reader may reach
    /// what this machine reaches.
    pub internal_webhooks: bool,
    /// How many subscriptions one address of the network may ask for in a minute.
    #[schemars(range(min = 1, max = 10000))]
    pub requests_per_minute: u32,
}

impl Default for Subscribers {
    fn default() -> Self {
        Self { mail: None, webhooks: true, internal_webhooks: false, requests_per_minute: 10 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 7660).into(),
            api_listen: None,
            public_url: None,
            provision: None,
            theme: Theme::default(),
            origins: Vec::new(),
            local_writes: true,
            trusted_proxies: Vec::new(),
            detection: None,
            subscribers: None,
            client: None,
            readers: None,
        }
    }
}

impl Config {
    /// Makes relative paths count from `base`.
    pub fn rebase(&mut self, base: &Path) {
        let Self { provision, theme, client, readers, .. } = self;
        let secret = readers.as_mut().and_then(|readers| readers.client_secret.as_mut());
        if let Some(SecretSource::File(path)) = secret {
            *path = base.join(&*path);
        }
        let directory = client.as_mut().map(|client| &mut client.directory);
        for path in [provision, &mut theme.logo].into_iter().flatten().chain(directory) {
            *path = base.join(&*path);
        }
    }

    /// The web client, which signs in there; reads its files.
    ///
    /// # Errors
    /// They cannot be read, are no build of the client, or there is no listener for it.
    pub fn client(&self, sign_in: Option<&SignIn>) -> Result<Option<Arc<Client>>, Error> {
        let Some(config) = &self.client else { return Ok(None) };
        if self.api_listen.is_none() {
            let reason = "status.api_listen is needed: the client is served beside the API";
            return Err(Error::invalid("status.client", reason));
        }
        let provider = sign_in.map(SignIn::provider);
        Ok(Some(Arc::new(Client::read(&config.directory, provider)?)))
    }

    /// How the site behaves; without the web client, its people, and readers who sign in.
    pub fn options(&self) -> Options {
        Options {
            local_writes: self.local_writes,
            origins: self.origins.clone(),
            public_url: self.public_url.clone(),
            subscriptions: self.subscribers.as_ref().map(|config| Subscriptions {
                mail: config.mail.is_some(),
                webhooks: config.webhooks,
                per_minute: config.requests_per_minute,
            }),
            trusted_proxies: self.trusted_proxies.clone(),
            ..Options::default()
        }
    }

    /// How the page looks; reads the logo.
    ///
    /// # Errors
    /// The logo cannot be used.
    pub fn look(&self) -> Result<Look, Error> {
        Look::of_theme(&self.theme).map_err(|reason| Error::invalid("status.theme.logo", reason))
    }

    /// What a new page begins with; reads the file.
    ///
    /// # Errors
    /// It cannot be read, or is no provisioning file.
    pub fn provision(&self) -> Result<Option<Provision>, Error> {
        Ok(self.provision.as_deref().map(provision::read).transpose()?)
    }
}

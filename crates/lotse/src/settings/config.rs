//! `lotse.yaml`, typed. The doc comments are its reference; the JSON Schema is derived from it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use lotse_core::declared::{self, DeclaredError, Loaded, SourceFile};
use lotse_core::secret::{ExposeSecret, SecretSource, SecretString};
use lotse_source::config::Config as Estate;
use lotse_store::StoreUrl;

use super::{Environment, LogFormat, secret};
use crate::failure::Failure;

/// The configuration of the Lotse daemon, `lotse.yaml`.
///
/// Relative paths count from the directory of the file. Secrets are never written here; a key says
/// where they are.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "lotse.yaml")]
pub(crate) struct Config {
    /// Where the daemon listens. Loopback unless told otherwise. Elsewhere, put TLS before it and set
    /// `access.public_url`.
    #[serde(default = "listen")]
    #[schemars(with = "String")]
    pub(crate) listen: SocketAddr,
    /// Where the daemon keeps its own state. Default: `lotse` in the user's XDG state directory.
    #[serde(default)]
    pub(crate) state_directory: Option<PathBuf>,
    /// The database. Default: SQLite in the state directory.
    #[serde(default)]
    pub(crate) database: Option<Database>,
    /// The `clouds.yaml` to use. Default: where every OpenStack client looks.
    #[serde(default)]
    pub(crate) clouds_file: Option<PathBuf>,
    /// How logs are written.
    #[serde(default)]
    pub(crate) log: Log,
    /// Who may come in.
    #[serde(default)]
    pub(crate) access: lotse_web::AccessConfig,
    /// How long running work may go on after a stop was requested, in seconds.
    #[serde(default = "drain_seconds")]
    #[schemars(range(min = 1, max = 3600))]
    pub(crate) drain_seconds: u32,
    /// For how many seconds requests are still answered after a stop was requested, while `/readyz`
    /// says 503. Behind a load balancer: longer than it takes to notice that (its interval of
    /// checks times the failures it waits for), so that a restart fails no request. 0 without one.
    #[serde(default)]
    #[schemars(range(max = 300))]
    pub(crate) drain_notice_seconds: u32,
    /// What is asked of people before clouds are changed.
    #[serde(default)]
    pub(crate) changes: lotse_change::Rules,
    /// Where the estate comes from. When it is given, paths of the sections below count from it.
    #[serde(default)]
    pub(crate) estate: Option<Estate>,
    /// Keeps image catalogues true on clouds.
    #[serde(default)]
    pub(crate) images: Option<lotse_images::config::Config>,
    /// Looks whether distributions publish newer images than the definition files have.
    #[serde(default)]
    pub(crate) upstream: Option<lotse_upstream::task::Config>,
    /// The status page. With this section, even an empty one (`status: {}`), the daemon serves it.
    #[serde(default)]
    pub(crate) status: Option<lotse_status::config::Config>,
    /// Watches whether clouds conform to standards.
    #[serde(default)]
    pub(crate) conformance: Option<lotse_conformance::monitor::Config>,
    /// Tells people and programs what happens, by mail, webhook and chat.
    #[serde(default)]
    pub(crate) notify: lotse_notify::Config,
}

/// The database, when it is not SQLite in the state directory.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) enum Database {
    /// PostgreSQL, for more than one instance: where the connection URL
    /// (`postgres://user:password@host/database`) is kept.
    Postgres(SecretSource),
    /// Another SQLite file.
    Sqlite(PathBuf),
}

/// How logs are written.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// Text for people or JSON for programs.
    pub(crate) format: LogFormat,
    /// What is logged, in the syntax of `tracing`, for example `info,lotse_openstack=debug`.
    pub(crate) filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

fn listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 7650).into()
}

fn drain_seconds() -> u32 {
    30
}

impl Config {
    /// Reads and checks the file, with all complaints at once.
    pub(crate) fn read(path: &Path) -> Result<Loaded<Self>, DeclaredError> {
        let file = SourceFile::read(path)?;
        let mut loaded = declared::load::<Self>(&file)?;
        let base = path.parent().unwrap_or(Path::new("."));
        loaded.value.rebase(base);
        Ok(loaded)
    }

    /// Where the state is kept. Reads the secret with the URL of PostgreSQL.
    pub(crate) fn store_url(&self, environment: &Environment) -> Result<StoreUrl, Failure> {
        Ok(match &self.database {
            Some(Database::Postgres(source)) => {
                secret::read("the database", source, environment)?.expose_secret().parse()?
            }
            Some(Database::Sqlite(path)) => StoreUrl::sqlite(path),
            None => {
                let configured = self.state_directory.clone();
                StoreUrl::in_directory(&configured.unwrap_or_else(|| environment.state_directory()))
            }
        })
    }

    /// Where content that passes through us is downloaded.
    pub(crate) fn downloads_directory(&self, environment: &Environment) -> PathBuf {
        let state = self.state_directory.clone();
        state.unwrap_or_else(|| environment.state_directory()).join("downloads")
    }

    /// The secret under which the identity provider knows us, if it wants one.
    pub(crate) fn oidc_secret(
        &self,
        environment: &Environment,
    ) -> Result<Option<SecretString>, Failure> {
        let source = self.access.oidc.as_ref().and_then(|oidc| oidc.client_secret.as_ref());
        let read = |source| secret::read("the identity provider", source, environment);
        Ok(source.map(read).transpose()?)
    }

    /// The section `images`, if its files are on this machine before anything is fetched.
    pub(crate) fn images_here(&self) -> Option<lotse_images::config::Config> {
        let mut images = self.images.clone()?;
        match &self.estate {
            None => {}
            Some(Estate::Folder(path)) => images.rebase(path),
            Some(Estate::Git(_)) => return None,
        }
        Some(images)
    }

    /// Makes relative paths count from `base`.
    fn rebase(&mut self, base: &Path) {
        let Self { state_directory, database, clouds_file, estate, images, .. } = self;
        let Self { notify, access, upstream, status, conformance, .. } = self;
        access.rebase(base);
        if let Some(status) = status {
            status.rebase(base);
        }
        if let Some(conformance) = conformance {
            conformance.rebase(base);
        }
        for path in [state_directory, clouds_file].into_iter().flatten() {
            *path = base.join(&*path);
        }
        if let Some(Database::Sqlite(path) | Database::Postgres(SecretSource::File(path))) =
            database
        {
            *path = base.join(&*path);
        }
        if let Some(estate) = estate {
            // Paths of the sections count from the estate, which is somewhere only later.
            estate.rebase(base);
        } else {
            if let Some(images) = images {
                images.rebase(base);
            }
            if let Some(upstream) = upstream {
                upstream.rebase(base);
            }
        }
        notify.rebase(base);
    }
}

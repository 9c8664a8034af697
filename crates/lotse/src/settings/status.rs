//! How the status page is served: arguments, then the variables of the SCS status page, then defaults.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lotse_core::declared::{self, DeclaredError, SourceFile};
use lotse_core::secret::{ExposeSecret, SecretString};
use lotse_status::client::Client;
use lotse_status::detect::config::Detection;
use lotse_status::site::Options;
use lotse_store::StoreUrl;

use super::{Environment, Globals, state};
use crate::cli::status::ServeArguments;
use crate::failure::{Error, Failure};

/// Where the page is kept.
const DATABASE: &str = "STATUS_PAGE_DATABASE_CONNECTION_STRING";
/// Where the API listens, for example `:3000`.
const SERVER_ADDRESS: &str = "STATUS_PAGE_SERVER_ADDRESS";
/// Whether pages of other origins may use the API.
const CORS_ENABLED: &str = "STATUS_PAGE_SERVER_CORS_ENABLED";
/// Which ones, with commas between.
const CORS_ORIGINS: &str = "STATUS_PAGE_SERVER_CORS_ALLOWED_ORIGINS";
/// Where the metrics listen.
const METRICS_ADDRESS: &str = "STATUS_PAGE_METRICS_ADDRESS";
/// What a new page begins with.
const PROVISIONING_FILE: &str = "STATUS_PAGE_PROVISIONING_FILE";

/// How the status page is served.
#[derive(Debug)]
pub(crate) struct ServeStatus {
    pub(crate) listen: SocketAddr,
    pub(crate) api_listen: Option<SocketAddr>,
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) provision: Option<PathBuf>,
    pub(crate) theme: Option<PathBuf>,
    pub(crate) detection: Option<Detection>,
    pub(crate) database: StoreUrl,
    pub(crate) options: Options,
}

impl ServeStatus {
    /// Resolves the arguments.
    pub(crate) fn resolve(
        arguments: &ServeArguments,
        globals: &Globals,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let or_variable = |argument: &Option<String>, name| {
            argument.clone().or_else(|| environment.get(name).map(str::to_owned))
        };
        let maybe_address = |key, argument: &Option<String>, name| {
            or_variable(argument, name).map(|text| address(key, &text)).transpose()
        };
        let enabled = environment.get(CORS_ENABLED).is_some_and(|value| value == "true");
        let origins = environment.get(CORS_ORIGINS).filter(|_| enabled).unwrap_or_default();
        let origins = origins.split(',').map(str::trim).filter(|one| !one.is_empty());
        let origins = origins.chain(arguments.origin.iter().map(String::as_str));
        let database = or_variable(&arguments.database, DATABASE);
        let client = arguments.client.as_deref().map(|files| Client::read(files, None));
        let client = client.transpose()?;
        let api_listen = maybe_address("--api-listen", &arguments.api_listen, SERVER_ADDRESS)?;
        if client.is_some() && api_listen.is_none() {
            let reason = "--api-listen is needed: the client is served beside the API".to_owned();
            return Err(Error::Setting { key: "--client", reason }.into());
        }
        Ok(Self {
            listen: address("--listen", &arguments.listen)?,
            api_listen,
            metrics_listen: maybe_address(
                "--metrics-listen",
                &arguments.metrics_listen,
                METRICS_ADDRESS,
            )?,
            provision: arguments
                .provision
                .clone()
                .or_else(|| environment.get(PROVISIONING_FILE).map(PathBuf::from)),
            theme: arguments.theme.clone(),
            detection: arguments.detection.as_deref().map(detection).transpose()?,
            database: store_url(database.as_deref(), globals, environment)?,
            options: Options {
                local_writes: !arguments.no_local_writes,
                origins: origins.map(str::to_owned).collect(),
                public_url: arguments.public_url.clone(),
                client: client.map(Arc::new),
                ..Options::default()
            },
        })
    }
}

/// What a file says of detection.
fn detection(path: &Path) -> Result<Detection, DeclaredError> {
    Ok(declared::load::<Detection>(&SourceFile::read(path)?)?.value)
}

/// Where the page is kept: where it is said, else in the state that everything else is in.
pub(crate) fn store_url(
    database: Option<&str>,
    globals: &Globals,
    environment: &Environment,
) -> Result<StoreUrl, Failure> {
    let Some(text) = database else { return state(globals, environment) };
    Ok(connection_string(text).expose_secret().parse()?)
}

/// The reference takes the words of libpq, too (`host=db user=u password=p dbname=d port=5432`).
fn connection_string(text: &str) -> SecretString {
    let text = text.trim();
    let is_words = !text.contains("://") && !text.starts_with("sqlite:") && text.contains('=');
    if !is_words {
        return text.to_owned().into();
    }
    let word = |name: &str| {
        let of = |pair: &str| pair.strip_prefix(name)?.strip_prefix('=').map(str::to_owned);
        text.split_whitespace().find_map(of)
    };
    let encoded = |name: &str| word(name).map(|value| lotse_web::text::encoded(&value));
    let mut url = String::from("postgres://");
    if let Some(user) = encoded("user") {
        url.push_str(&user);
        if let Some(password) = encoded("password") {
            url.push(':');
            url.push_str(&password);
        }
        url.push('@');
    }
    url.push_str(&word("host").unwrap_or_else(|| "localhost".to_owned()));
    if let Some(port) = word("port") {
        url.push(':');
        url.push_str(&port);
    }
    url.push('/');
    url.push_str(&encoded("dbname").unwrap_or_default());
    if let Some(mode) = word("sslmode") {
        url.push_str("?sslmode=");
        url.push_str(&mode);
    }
    url.into()
}

/// `HOST:PORT`; without a host, this machine only.
fn address(key: &'static str, text: &str) -> Result<SocketAddr, Error> {
    if let Some(port) = text.strip_prefix(':')
        && let Ok(port) = port.parse()
    {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let found = text.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    found.ok_or_else(|| Error::Setting {
        key,
        reason: format!("{text:?} is no address of the form HOST:PORT"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_reference_stay_on_this_machine() {
        assert_eq!(address("x", ":3000").unwrap(), "127.0.0.1:3000".parse().unwrap());
        assert_eq!(address("x", "[::1]:0").unwrap(), "[::1]:0".parse().unwrap());
        assert!(address("x", "3000").is_err());
    }

    #[test]
    fn words_of_libpq_become_a_url() {
        let url = connection_string("host=db user=u password=p@:/ dbname=status port=5433");
        assert_eq!(url.expose_secret(), "postgres://u:p%40%3A%2F@db:5433/status");
        let plain = "postgres://u@db/d";
        assert_eq!(connection_string(plain).expose_secret(), plain);
    }
}

//! Where the state is kept, as people write it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use lotse_core::secret::{ExposeSecret, SecretString};
use url::Url;

use crate::error::Error;

/// Name of the database file in a state directory.
const FILE_NAME: &str = "lotse.db";

/// Where the state is kept: `sqlite:PATH` or `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE`.
///
/// `Display` and `Debug` never show the password.
#[derive(Clone, Debug)]
pub struct StoreUrl(Place);

#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A file on this machine.
    Sqlite(PathBuf),
    /// A server.
    Postgres {
        /// The whole URL.
        url: SecretString,
        /// The URL without password and parameters, for people.
        shown: String,
    },
}

impl StoreUrl {
    /// The file `lotse.db` in this directory.
    pub fn in_directory(directory: &Path) -> Self {
        Self(Place::Sqlite(directory.join(FILE_NAME)))
    }

    /// This SQLite file.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(Place::Sqlite(path.into()))
    }

    /// Whether several daemons may share this state (PostgreSQL).
    pub const fn is_shared(&self) -> bool {
        matches!(self.0, Place::Postgres { .. })
    }

    pub(crate) const fn place(&self) -> &Place {
        &self.0
    }
}

impl FromStr for StoreUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(rest) = text.strip_prefix("sqlite:") {
            return sqlite(rest.strip_prefix("//").unwrap_or(rest));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return postgres(text);
        }
        // The text itself stays out of the message: it may hold a password after a mistyped scheme.
        Err(Error::Url { reason: "it begins neither with sqlite: nor with postgres://".to_owned() })
    }
}

fn sqlite(path: &str) -> Result<StoreUrl, Error> {
    if path.is_empty() || path.starts_with(":memory:") {
        let reason = "sqlite: needs the path of a file; state in memory would be lost".to_owned();
        return Err(Error::Url { reason });
    }
    if path.contains('?') {
        let reason = "parameters after ? are not supported for sqlite:".to_owned();
        return Err(Error::Url { reason });
    }
    Ok(StoreUrl::sqlite(path))
}

fn postgres(text: &str) -> Result<StoreUrl, Error> {
    let url = Url::parse(text).map_err(|error| Error::Url { reason: error.to_string() })?;
    if url.path().trim_start_matches('/').is_empty() {
        let reason = "the name of the database is missing at its end".to_owned();
        return Err(Error::Url { reason });
    }
    let user = if url.username().is_empty() { "" } else { &format!("{}@", url.username()) };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    let shown = format!("{}://{user}{host}{port}{}", url.scheme(), url.path());
    Ok(StoreUrl(Place::Postgres { url: text.to_owned().into(), shown }))
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Place::Postgres { shown, .. } => f.write_str(shown),
        }
    }
}

impl Place {
    /// The URL with everything in it, for the driver only.
    pub(crate) fn expose(url: &SecretString) -> &str {
        url.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_as_they_are() {
        for text in ["sqlite:/var/lib/lotse/a b%20.db", "sqlite:///var/lib/lotse/a b%20.db"] {
            let url: StoreUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), "sqlite:/var/lib/lotse/a b%20.db");
            assert!(!url.is_shared());
        }
    }

    #[test]
    fn passwords_are_never_shown() {
        let url: StoreUrl =
            "postgres://lotse:hush@db.example:5433/state?sslmode=require".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://lotse@db.example:5433/state");
        assert!(!format!("{url:?}").contains("hush"));
        assert!(url.is_shared());
        let error = "postgre://lotse:hush@db/state".parse::<StoreUrl>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hush"));
    }

    #[test]
    fn places_that_cannot_keep_state_are_refused() {
        for text in [
            "sqlite:",
            "sqlite::memory:",
            "sqlite:a?mode=ro",
            "mysql://h/d",
            "postgres://h",
            "lotse.db",
        ] {
            let error = text.parse::<StoreUrl>().unwrap_err();
            assert!(matches!(error, Error::Url { .. }), "{text}: {error}");
        }
    }
}

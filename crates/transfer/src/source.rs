//! Where content is published.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use crate::error::Error;

/// Where content is published.
#[derive(Clone, Eq, PartialEq)]
pub enum Source {
    /// Behind HTTP or HTTPS.
    Http(Url),
    /// On this machine.
    File(PathBuf),
}

impl Source {
    /// Reads `http://…`, `https://…` or `file:…`.
    ///
    /// `file:` takes an absolute path, with or without slashes for an empty host.
    ///
    /// # Errors
    /// [`Error::Source`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |reason: &'static str| Error::Source { text: shown(text), reason };
        let url = Url::parse(text).map_err(|_| wrong("it is not a URL"))?;
        match url.scheme() {
            "http" | "https" => Ok(Self::Http(url)),
            "file" => match url.to_file_path() {
                Ok(path) => Ok(Self::File(path)),
                Err(()) => Err(wrong("the path of a file must be absolute, on this machine")),
            },
            _ => Err(wrong("only http, https and file can be read")),
        }
    }
}

/// For people: without passwords and without the query, where signed addresses keep their secrets.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) => f.write_str(&shown_url(url)),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({self})")
    }
}

/// An address without its secrets.
pub(crate) fn shown_url(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

/// Text that may be an address, without what may be its secrets.
fn shown(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    match text.rsplit_once('@') {
        Some((_, behind)) => format!("…@{behind}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn http_and_absolute_files_are_read() {
        assert!(matches!(Source::parse("https://a/b.img").unwrap(), Source::Http(_)));
        for text in ["file:/srv/a b.img", "file:///srv/a%20b.img"] {
            let Source::File(path) = Source::parse(text).unwrap() else { panic!("{text}") };
            assert_eq!(path, Path::new("/srv/a b.img"));
        }
    }

    #[test]
    fn other_schemes_and_hosts_of_files_are_refused() {
        for text in ["ftp://a/b", "file://host/a", "a.img", "s3://b/c"] {
            assert!(matches!(Source::parse(text), Err(Error::Source { .. })), "{text}");
        }
    }

    #[test]
    fn secrets_of_an_address_are_not_shown() {
        let source = Source::parse("https://me:secret@a:8443/b.img?signature=secret").unwrap();
        assert_eq!(source.to_string(), "https://a:8443/b.img");
        let error = Source::parse("ftp://me:secret@a/b?x=secret").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

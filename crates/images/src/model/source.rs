//! Where content comes from.

use std::fmt;

use url::Url;

/// The ways in which content is reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// `http` and `https`: Glance can download it.
    Http,
    /// `ftp` and `ftps`.
    Ftp,
    /// A file on the machine on which Lotse runs.
    File,
}

/// The URL of an image, kept exactly as written: it becomes a property, and must not change there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceUrl {
    text: String,
    scheme: Scheme,
    host: String,
}

/// Why a text is no URL of an image.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SourceUrlError {
    /// It is no URL.
    #[error("this is not a URL")]
    Syntax(#[source] url::ParseError),
    /// A blank or a control character stands in it; services refuse such a URL when they use it.
    #[error("a URL holds no blanks and control characters")]
    Blank,
    /// Nothing is downloaded that way.
    #[error("images cannot be downloaded by \"{0}\"")]
    Scheme(String),
}

impl SourceUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`SourceUrlError`] when it is none, or none that leads to an image.
    pub fn parse(text: &str) -> Result<Self, SourceUrlError> {
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(SourceUrlError::Blank);
        }
        let url = Url::parse(text).map_err(SourceUrlError::Syntax)?;
        let scheme = match url.scheme() {
            "http" | "https" => Scheme::Http,
            "ftp" | "ftps" => Scheme::Ftp,
            "file" => Scheme::File,
            other => return Err(SourceUrlError::Scheme(other.to_owned())),
        };
        let host = url.host_str().unwrap_or_default().to_owned();
        Ok(Self { text: text.to_owned(), scheme, host })
    }

    /// That of an image of which nobody knows where it came from.
    pub(crate) fn nowhere() -> Self {
        Self { text: "file:unknown".to_owned(), scheme: Scheme::File, host: String::new() }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How it is reached.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host that publishes it; empty for files.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// As users of the cloud see it: where a file lies on our machine is nobody else's business.
    pub fn shown(&self) -> String {
        match self.text.rsplit_once('/') {
            Some((_, name)) if self.scheme == Scheme::File => format!("file:{name}"),
            _ => self.text.clone(),
        }
    }

    /// The name of the file, as it stands in the URL.
    pub fn file_name(&self) -> &str {
        let path = self.text.split(['?', '#']).next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }

    /// The ending that says that the content is packed: Glance would keep it so, unless a plugin of
    /// its operator undoes some of these.
    pub fn compression(&self) -> Option<&'static str> {
        let path = self.text.split(['?', '#']).next().unwrap_or_default();
        [".xz", ".bz2", ".zst", ".gz", ".tgz", ".tar"]
            .into_iter()
            .find(|ending| path.ends_with(ending))
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_stays_as_it_was_written() {
        let url = SourceUrl::parse("https://example.org").unwrap();
        assert_eq!((url.as_str(), url.scheme()), ("https://example.org", Scheme::Http));
    }

    #[test]
    fn local_paths_are_not_shown() {
        let url = SourceUrl::parse("file:///srv/images/secret/a.qcow2").unwrap();
        assert_eq!((url.shown().as_str(), url.scheme()), ("file:a.qcow2", Scheme::File));
    }

    #[test]
    fn what_is_no_url_of_an_image_is_refused() {
        assert!(matches!(SourceUrl::parse("example.org/a"), Err(SourceUrlError::Syntax(_))));
        assert_eq!(SourceUrl::parse("https://example.org/a b"), Err(SourceUrlError::Blank));
        assert!(matches!(SourceUrl::parse("ssh://example.org/a"), Err(SourceUrlError::Scheme(_))));
    }

    #[test]
    fn compressed_content_is_known_by_its_ending() {
        let ending = |text| SourceUrl::parse(text).unwrap().compression();
        assert_eq!(ending("https://h/a.raw.xz?x=1"), Some(".xz"));
        assert_eq!(ending("https://h/a.qcow2"), None);
    }
}

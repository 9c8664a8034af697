//! Where a service is, and how a path becomes an address there.
//!
//! Catalogues name services in several ways: `http://host:9292`, `http://host/image`,
//! `http://host/compute/v2.1`, `http://host:8776/v3/<project>`. Callers name paths with a version
//! (`/v2/images`) or without (`/servers`). When either of them says the version, nobody needs to be
//! asked for it.

use url::Url;

use crate::discovery;

/// Where a service is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// The address in the catalogue or configuration.
    pub url: Url,
    /// What stands before the version, or everything if no version is named.
    root: Vec<String>,
    /// The version in the path, for example `v2.1`.
    pub version: Option<String>,
    /// What stands behind the version, usually the project.
    rest: Vec<String>,
}

impl Endpoint {
    /// Reads an address.
    pub(crate) fn new(url: Url) -> Self {
        let segments: Vec<String> = segments(url.path()).map(ToOwned::to_owned).collect();
        let at = segments.iter().rposition(|segment| discovery::is_segment(segment));
        let (root, version, rest) = match at {
            None => (segments, None, Vec::new()),
            Some(at) => {
                let rest = segments.iter().skip(at + 1).cloned().collect();
                let version = segments.get(at).cloned();
                (segments.into_iter().take(at).collect(), version, rest)
            }
        };
        Self { url, root, version, rest }
    }

    /// The address at which the service describes its versions.
    pub fn root(&self) -> Url {
        self.join(&[])
    }

    /// The address of a path from the root of the host.
    pub(crate) fn at_origin(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.set_path(path);
        url
    }

    /// The address of a path; `None` when the version has to be found out first.
    pub(crate) fn resolve(&self, path: &str) -> Option<Url> {
        let wanted: Vec<&str> = segments(path).collect();
        let slash = path.len() > 1 && path.ends_with('/');
        let mut parts: Vec<&str> = Vec::new();
        match wanted.split_first() {
            None => return Some(self.root()),
            Some((version, behind)) if discovery::is_segment(version) => {
                parts.push(version);
                // The project belongs behind the version, unless the caller wrote it there.
                let rest = self.rest.iter().map(String::as_str);
                if !self.rest.is_empty() && behind.first().copied() != rest.clone().next() {
                    parts.extend(rest);
                }
                parts.extend(behind);
            }
            Some(_) => {
                parts.push(self.version.as_deref()?);
                parts.extend(self.rest.iter().map(String::as_str));
                parts.extend(wanted);
            }
        }
        let mut url = self.join(&parts);
        if slash && let Ok(mut segments) = url.path_segments_mut() {
            segments.push("");
        }
        Some(url)
    }

    /// The address of a path under a version that was found out; `None` means at the root.
    pub(crate) fn under(&self, version: Option<&str>, path: &str) -> Url {
        let parts: Vec<&str> = version.into_iter().chain(segments(path)).collect();
        self.join(&parts)
    }

    fn join(&self, parts: &[&str]) -> Url {
        let mut url = self.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        // The parts are encoded already; `set_path` leaves what is encoded as it is.
        let all: Vec<&str> =
            self.root.iter().map(String::as_str).chain(parts.iter().copied()).collect();
        let mut path = all.join("/");
        if parts.is_empty() && !path.is_empty() {
            path.push('/');
        }
        url.set_path(&path);
        url
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(endpoint: &str, path: &str) -> Option<String> {
        Endpoint::new(Url::parse(endpoint).unwrap()).resolve(path).map(Into::into)
    }

    #[test]
    fn a_version_in_the_path_or_in_the_catalogue_needs_no_question() {
        for (endpoint, path, expected) in [
            ("http://h:9292", "/v2/images", "http://h:9292/v2/images"),
            ("http://h:9292/v2", "/v2/images", "http://h:9292/v2/images"),
            ("http://h:9292/v2", "/images", "http://h:9292/v2/images"),
            ("http://h/image", "/v2/images", "http://h/image/v2/images"),
            ("http://h/image/", "/v2/images", "http://h/image/v2/images"),
            ("http://h/compute/v2.1", "/servers", "http://h/compute/v2.1/servers"),
            ("http://h/compute/v2.1", "/v2.1/servers", "http://h/compute/v2.1/servers"),
            ("http://h:8776/v3/p1", "/volumes", "http://h:8776/v3/p1/volumes"),
            ("http://h:8776/v3/p1", "/v3/volumes", "http://h:8776/v3/p1/volumes"),
            ("http://h:8776/v3/p1", "/v3/p1/volumes", "http://h:8776/v3/p1/volumes"),
            ("http://h:5000/v3/", "/v3/users", "http://h:5000/v3/users"),
            ("http://h:9696", "/v2.0/networks", "http://h:9696/v2.0/networks"),
            ("http://h/image", "/", "http://h/image/"),
            ("http://h:8774/v2.1", "/", "http://h:8774/"),
            ("http://h:9292", "/v2/images/a%2Fb", "http://h:9292/v2/images/a%2Fb"),
            ("http://h:9292", "/v2/images/a/file/", "http://h:9292/v2/images/a/file/"),
        ] {
            assert_eq!(resolve(endpoint, path).as_deref(), Some(expected), "{endpoint} {path}");
        }
    }

    #[test]
    fn without_any_version_it_has_to_be_found_out() {
        assert_eq!(resolve("http://h:9292", "/images"), None);
        let endpoint = Endpoint::new(Url::parse("http://h/placement").unwrap());
        assert_eq!(endpoint.under(None, "/traits").as_str(), "http://h/placement/traits");
        assert_eq!(endpoint.under(Some("v1"), "/traits").as_str(), "http://h/placement/v1/traits");
    }
}

//! Ways to clusters: `kubeconfig` files, as kubectl reads them.
//!
//! Read are contexts, authorities, client certificates and tokens. What would run a program or call
//! somebody else first (`exec`, `auth-provider`) is refused with what to do instead, and so is
//! everything that would change who we are or where we call unnoticed.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lotse_core::declared::{Node, SourceFile, parse};
use lotse_openstack::tls::Roots;
use reqwest::Url;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;

use crate::error::Error;

/// The way to a cluster.
pub struct Access {
    /// What we call the cluster: the name of the context.
    pub name: String,
    /// Where its API is.
    pub server: Url,
    /// Whose word counts when it shows its certificate.
    pub(super) roots: Roots,
    /// The certificate that we show, with its key.
    pub(super) identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    /// The token that we send.
    pub(super) token: Option<SecretString>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("name", &self.name)
            .field("server", &self.server.as_str())
            .field("certificate", &self.identity.is_some())
            .field("token", &self.token.is_some())
            .finish_non_exhaustive()
    }
}

/// Why a `kubeconfig` leads nowhere.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It is no YAML.
    #[error("line {line}: {message}")]
    Syntax {
        /// Where.
        line: u32,
        /// Why not.
        message: String,
    },
    /// A context, cluster or user that is named is not there.
    #[error("it has no {kind} \"{name}\"; it has {}", listed(known))]
    Nothing {
        /// `context`, `cluster` or `user`.
        kind: &'static str,
        /// What was named.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No context was named, and it has no current one.
    #[error("it has no current context; it has {}", listed(known))]
    NoContext {
        /// What there is.
        known: Vec<String>,
    },
    /// A cluster without address, or with one that is none.
    #[error("the cluster \"{cluster}\" has no usable address: {reason}")]
    Server {
        /// Which cluster.
        cluster: String,
        /// Why not.
        reason: String,
    },
    /// Something that we do not do.
    #[error("{key} of {kind} \"{name}\" is not supported: {reason}")]
    Unsupported {
        /// The key.
        key: &'static str,
        /// `cluster` or `user`.
        kind: &'static str,
        /// Whose.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A certificate, key or token that cannot be used. Its content is not shown.
    #[error("{key} of \"{name}\" cannot be used: {reason}")]
    Unusable {
        /// The key.
        key: &'static str,
        /// Whose.
        name: String,
        /// Why not.
        reason: String,
    },
}

fn listed(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

/// Larger files of keys and tokens are none.
const LARGEST: u64 = 1 << 20;

impl Access {
    /// Reads a file, and from it the context that is named, or the current one.
    pub fn read(path: &Path, context: Option<&str>) -> Result<Self, Error> {
        let file = SourceFile::read(path)?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        Self::parse(&file, folder, context)
            .map_err(|source| Error::Kubeconfig { path: path.to_owned(), source: Box::new(source) })
    }

    /// Reads the text of a `kubeconfig`; files that it names without folder are in `folder`.
    pub fn parse(file: &SourceFile, folder: &Path, context: Option<&str>) -> Result<Self, Refused> {
        let tree = parse(file).map_err(|complaints| {
            let first = complaints.first();
            Refused::Syntax {
                line: first.map_or(1, |first| first.span.line),
                // The line itself may hold a key.
                message: first.map_or_else(String::new, |first| first.message.clone()),
            }
        })?;
        let name = match context {
            Some(name) => name.to_owned(),
            None => written(tree.get("current-context"))
                .ok_or_else(|| Refused::NoContext { known: names(&tree, "contexts") })?,
        };
        let context = named(&tree, "contexts", "context", &name)?;
        let cluster_name = written(context.get("cluster")).unwrap_or_default();
        let cluster = Part {
            node: named(&tree, "clusters", "cluster", &cluster_name)?,
            kind: "cluster",
            name: &cluster_name,
            folder,
        };
        let server = cluster.server()?;
        let roots = cluster.roots()?;
        let user_name = written(context.get("user")).unwrap_or_default();
        if user_name.is_empty() {
            return Ok(Self { name, server, roots, identity: None, token: None });
        }
        let user = Part {
            node: named(&tree, "users", "user", &user_name)?,
            kind: "user",
            name: &user_name,
            folder,
        };
        user.refuse_what_is_not_done()?;
        let (identity, token) = (user.identity()?, user.token()?);
        Ok(Self { name, server, roots, identity, token })
    }
}

/// A cluster or user of the file.
struct Part<'a> {
    node: &'a Node,
    kind: &'static str,
    name: &'a str,
    folder: &'a Path,
}

impl Part<'_> {
    fn server(&self) -> Result<Url, Refused> {
        let refused = |reason: String| Refused::Server { cluster: self.name.to_owned(), reason };
        for (key, reason) in [
            ("proxy-url", "a proxy would see who asks for what"),
            ("tls-server-name", "the name in the address must be the one in the certificate"),
        ] {
            if written(self.node.get(key)).is_some() {
                return Err(self.unsupported(key, reason));
            }
        }
        let text = written(self.node.get("server"))
            .ok_or_else(|| refused("it is not given".to_owned()))?;
        let mut url = Url::parse(&text).map_err(|error| refused(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(refused("it is no address of HTTP".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("it holds a password".to_owned()));
        }
        url.set_query(None);
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            // Paths are joined to it, and would take the place of its last word.
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(url)
    }

    fn roots(&self) -> Result<Roots, Refused> {
        let skip = written(self.node.get("insecure-skip-tls-verify"));
        if skip.is_some_and(|skip| skip == "true") {
            return Ok(Roots::Nobody);
        }
        match self.content("certificate-authority-data", "certificate-authority")? {
            Some((key, pem)) => Ok(Roots::These(self.certificates(key, &pem)?)),
            None => Ok(Roots::Machine),
        }
    }

    fn refuse_what_is_not_done(&self) -> Result<(), Refused> {
        const TOKEN: &str = "it would run a program or call somebody; put a token or a certificate into the file, for \
             example one of `kubectl create token`";
        const OTHER: &str = "what is seen must be what the user of the file sees";
        const PASSWORD: &str = "Kubernetes has not taken passwords since 1.19";
        for (key, reason) in [
            ("exec", TOKEN),
            ("auth-provider", TOKEN),
            ("as", OTHER),
            ("as-groups", OTHER),
            ("as-uid", OTHER),
            ("username", PASSWORD),
            ("password", PASSWORD),
        ] {
            if self.node.get(key).is_some_and(|node| !is_empty(node)) {
                return Err(self.unsupported(key, reason));
            }
        }
        Ok(())
    }

    fn identity(
        &self,
    ) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, Refused> {
        let certificate = self.content("client-certificate-data", "client-certificate")?;
        let key = self.content("client-key-data", "client-key")?;
        let (Some((name, pem)), Some((key_name, key))) = (&certificate, &key) else {
            return match (certificate, key) {
                (Some((name, _)), None) => Err(self.unusable(name, "it has no client-key")),
                (None, Some((name, _))) => Err(self.unusable(name, "it has no client-certificate")),
                _ => Ok(None),
            };
        };
        let chain = self.certificates(name, pem)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| self.unusable(key_name, "it holds no private key in PEM form"))?;
        Ok(Some((chain, key)))
    }

    fn token(&self) -> Result<Option<SecretString>, Refused> {
        let given = written(self.node.get("token"));
        // The file counts more than the word, as with kubectl.
        let (key, token) = match written(self.node.get("tokenFile")) {
            Some(path) => {
                let bytes = self.file("tokenFile", &path)?;
                let text = String::from_utf8(bytes)
                    .map_err(|_| self.unusable("tokenFile", "it is not text"))?;
                ("tokenFile", text.trim().to_owned())
            }
            None => match given {
                Some(token) => ("token", token),
                None => return Ok(None),
            },
        };
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(self.unusable(key, "it has blanks, or signs that no token has"));
        }
        Ok(Some(SecretString::from(token)))
    }

    fn certificates(
        &self,
        key: &'static str,
        pem: &[u8],
    ) -> Result<Vec<CertificateDer<'static>>, Refused> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match found {
            Ok(found) if !found.is_empty() => Ok(found),
            _ => Err(self.unusable(key, "it holds no certificate in PEM form")),
        }
    }

    /// What stands in the file itself, or else in the file that it names. What stands in it counts
    /// more, as with kubectl.
    fn content(
        &self,
        data: &'static str,
        file: &'static str,
    ) -> Result<Option<(&'static str, Vec<u8>)>, Refused> {
        if let Some(text) = written(self.node.get(data)) {
            let plain: String = text.split_whitespace().collect();
            let bytes =
                STANDARD.decode(plain).map_err(|_| self.unusable(data, "it is not Base64"))?;
            return Ok(Some((data, bytes)));
        }
        match written(self.node.get(file)) {
            Some(path) => Ok(Some((file, self.file(file, &path)?))),
            None => Ok(None),
        }
    }

    fn file(&self, key: &'static str, path: &str) -> Result<Vec<u8>, Refused> {
        let path: PathBuf = self.folder.join(path);
        let shown = || path.display().to_string();
        let size = std::fs::metadata(&path).map(|file| file.len());
        let read = size.and_then(|size| {
            if size > LARGEST {
                return Err(std::io::Error::other("it is larger than 1 MiB"));
            }
            std::fs::read(&path)
        });
        read.map_err(|error| self.unusable(key, &format!("{}: {error}", shown())))
    }

    fn unsupported(&self, key: &'static str, reason: &'static str) -> Refused {
        Refused::Unsupported { key, kind: self.kind, name: self.name.to_owned(), reason }
    }

    fn unusable(&self, key: &'static str, reason: &str) -> Refused {
        Refused::Unusable { key, name: self.name.to_owned(), reason: reason.to_owned() }
    }
}

/// What is written there, if it is a scalar and not empty.
fn written(node: Option<&Node>) -> Option<String> {
    let node = node?;
    let scalar = node.items().is_empty() && node.entries().is_empty();
    let null = !node.explicit && matches!(&*node.raw, "null" | "~" | "Null" | "NULL");
    (scalar && !node.raw.is_empty() && !null).then(|| node.raw.to_string())
}

fn is_empty(node: &Node) -> bool {
    node.items().is_empty() && node.entries().is_empty() && written(Some(node)).is_none()
}

fn names(tree: &Node, list: &str) -> Vec<String> {
    let items = tree.get(list).map_or(&[][..], Node::items);
    items.iter().filter_map(|item| written(item.get("name"))).collect()
}

fn named<'a>(
    tree: &'a Node,
    list: &str,
    kind: &'static str,
    name: &str,
) -> Result<&'a Node, Refused> {
    let items = tree.get(list).map_or(&[][..], Node::items);
    let found = items.iter().find(|item| written(item.get("name")).as_deref() == Some(name));
    found.and_then(|item| item.get(kind)).ok_or_else(|| Refused::Nothing {
        kind,
        name: name.to_owned(),
        known: names(tree, list),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, context: Option<&str>) -> Result<Access, Refused> {
        Access::parse(&SourceFile::new("config", text), Path::new("/nowhere"), context)
    }

    fn config(cluster: &str, user: &str) -> String {
        format!(
            "current-context: a\ncontexts:\n- name: a\n  context: {{cluster: c, user: u}}\n\
             - name: b\n  context: {{cluster: c}}\nclusters:\n- name: c\n  cluster: {{{cluster}}}\n\
             users:\n- name: u\n  user: {{{user}}}\n"
        )
    }

    const SERVER: &str = "server: 'https://k.example:6443/clusters/1'";

    #[test]
    fn the_current_context_counts_unless_another_one_is_named() {
        let text = config(SERVER, "token: abc");
        let access = read(&text, None).unwrap();
        assert_eq!((&*access.name, access.token.is_some()), ("a", true));
        assert_eq!(access.server.join("version").unwrap().path(), "/clusters/1/version");
        let other = read(&text, Some("b")).unwrap();
        assert_eq!((&*other.name, other.token.is_some()), ("b", false));
        let missing = read(&text, Some("x")).unwrap_err().to_string();
        assert_eq!(missing, "it has no context \"x\"; it has a, b");
        assert!(!format!("{access:?}").contains("abc"));
    }

    #[test]
    fn what_would_run_a_program_or_be_somebody_else_is_refused_by_its_name() {
        for (user, key) in [
            ("exec: {command: login}", "exec"),
            ("auth-provider: {name: oidc}", "auth-provider"),
            ("token: abc, as: admin", "as"),
            ("username: me, password: x", "username"),
        ] {
            let refused = read(&config(SERVER, user), None).unwrap_err();
            assert!(
                matches!(&refused, Refused::Unsupported { key: one, .. } if *one == key),
                "{refused}"
            );
        }
        let proxied = config(&format!("{SERVER}, proxy-url: 'http://p'"), "token: abc");
        assert!(read(&proxied, None).unwrap_err().to_string().contains("proxy-url"));
        // An empty one means nothing.
        assert!(read(&config(SERVER, "token: abc, exec: null, as: ''"), None).is_ok());
    }

    #[test]
    fn keys_that_cannot_be_used_are_refused_without_being_shown() {
        for (user, reason) in [
            ("client-certificate-data: c2VjcmV0", "it has no client-key"),
            ("client-key-data: c2VjcmV0", "it has no client-certificate"),
            ("client-certificate-data: '???', client-key-data: c2VjcmV0", "it is not Base64"),
            ("client-certificate-data: c2VjcmV0, client-key-data: c2VjcmV0", "no certificate"),
            ("client-certificate: cert.pem, client-key: key.pem", "/nowhere/cert.pem"),
            ("token: \"a b\"", "blanks"),
            ("tokenFile: token", "/nowhere/token"),
        ] {
            let refused = read(&config(SERVER, user), None).unwrap_err().to_string();
            assert!(refused.contains(reason) && !refused.contains("c2Vj"), "{user}: {refused}");
        }
    }

    #[test]
    fn an_address_must_be_one_and_hold_no_password() {
        for (cluster, reason) in [
            ("", "it is not given"),
            ("server: 'k.example:6443'", "no address of HTTP"),
            ("server: 'https://'", "empty host"),
            ("server: 'https://a:b@k.example'", "it holds a password"),
        ] {
            let refused = read(&config(cluster, "token: abc"), None).unwrap_err().to_string();
            assert!(refused.contains(reason), "{cluster}: {refused}");
        }
        let none = read("contexts: []\n", None).unwrap_err().to_string();
        assert_eq!(none, "it has no current context; it has none");
        assert!(matches!(read("a: [", None), Err(Refused::Syntax { .. })));
    }
}

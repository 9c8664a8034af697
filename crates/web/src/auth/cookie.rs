//! Cookies (RFC 6265bis): their names, and how they are set and cleared.
//!
//! Behind TLS the names begin with `__Host-`, so that browsers accept them only over TLS, for this
//! very host and all of its paths. On plain loopback the port is part of the name, because browsers
//! do not tell ports apart and two daemons on one machine would sign each other's people out.

use axum::http::{HeaderMap, HeaderValue, header};
use url::Url;

use crate::credential::Credential;
use crate::oidc::journey::SIGN_IN_SECONDS;

/// The cookies of this daemon.
#[derive(Debug)]
pub(crate) struct Cookies {
    session: String,
    sign_in: String,
    secure: bool,
}

impl Cookies {
    /// The cookies of the console for browsers that come from this address.
    pub(crate) fn new(public: &Url) -> Self {
        Self::named(public, ["session", "sign-in"])
    }

    /// The same under other names: for a session, and for a sign-in under way.
    pub(crate) fn named(public: &Url, [session, sign_in]: [&str; 2]) -> Self {
        let secure = public.scheme() == "https";
        let name = |word: &str| match public.port_or_known_default() {
            _ if secure => format!("__Host-lotse-{word}"),
            Some(port) => format!("lotse-{word}-{port}"),
            None => format!("lotse-{word}"),
        };
        Self { session: name(session), sign_in: name(sign_in), secure }
    }

    /// The credential of the session, if the browser sent one.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<Credential> {
        find(headers, &self.session)
    }

    /// The credential of a sign-in under way.
    pub(crate) fn sign_in(&self, headers: &HeaderMap) -> Option<Credential> {
        find(headers, &self.sign_in)
    }

    /// Sets the cookie of a session; the browser forgets it when it is closed.
    pub(crate) fn set_session(&self, credential: &Credential) -> Option<HeaderValue> {
        self.set(&self.session, &credential.encode(), None)
    }

    /// Sets the cookie of a sign-in under way.
    pub(crate) fn set_sign_in(&self, credential: &Credential) -> Option<HeaderValue> {
        self.set(&self.sign_in, &credential.encode(), Some(SIGN_IN_SECONDS))
    }

    /// Removes the cookie of a session.
    pub(crate) fn clear_session(&self) -> Option<HeaderValue> {
        self.set(&self.session, "", Some(0))
    }

    /// Removes the cookie of a sign-in.
    pub(crate) fn clear_sign_in(&self) -> Option<HeaderValue> {
        self.set(&self.sign_in, "", Some(0))
    }

    fn set(&self, name: &str, value: &str, seconds: Option<i64>) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
        HeaderValue::from_str(&text).ok().map(|mut header| {
            header.set_sensitive(true);
            header
        })
    }
}

fn find(headers: &HeaderMap, name: &str) -> Option<Credential> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| Credential::parse(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(url: &str) -> Cookies {
        Cookies::new(&Url::parse(url).unwrap())
    }

    #[test]
    fn behind_tls_the_cookie_is_bound_to_the_host_and_elsewhere_to_the_port() {
        let credential = Credential::generate().unwrap();
        let set =
            |url: &str| cookies(url).set_session(&credential).unwrap().to_str().unwrap().to_owned();
        let (tls, plain) = (set("https://lotse.example.org"), set("http://127.0.0.1:7650"));
        assert!(tls.starts_with("__Host-lotse-session=") && tls.contains("; Secure"), "{tls}");
        assert!(plain.starts_with("lotse-session-7650=") && !plain.contains("Secure"), "{plain}");
        for cookie in [&tls, &plain] {
            assert!(cookie.contains("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others_and_read_strictly() {
        let cookies = cookies("http://127.0.0.1:7650");
        let credential = Credential::generate().unwrap();
        let sent = |text: String| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(&text).unwrap());
            cookies.session(&headers)
        };
        let value = credential.encode();
        assert_eq!(sent(format!("a=b; lotse-session-7650={value}; c")), Some(credential));
        assert_eq!(sent(format!("lotse-session-7651={value}")), None, "of another daemon");
        assert_eq!(sent(format!("lotse-session-7650={value}x")), None);
        assert_eq!(sent("lotse-session-7650=".to_owned()), None);
    }
}

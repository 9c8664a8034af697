//! A real identity provider as a child process (`tests/provider.cjs`), and a browser's way through it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use reqwest::header::{ACCEPT, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::process::{Place, Server, signal, variable};

/// The secret of the client; most signs in it have to be encoded on the way.
pub(crate) const SECRET: &str = "top:secret%25+and &more";

/// How the provider is set up.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    /// What ID tokens are signed with.
    pub(crate) algorithm: &'static str,
    /// Whether the client has a secret.
    pub(crate) confidential: bool,
    /// Whether what it says of people is in the ID token, and not at the userinfo endpoint.
    pub(crate) in_token: bool,
}

impl Setup {
    /// As most providers are.
    pub(crate) const USUAL: Self = Self { algorithm: "RS256", confidential: true, in_token: false };
}

/// The provider; killed with the test.
pub(crate) struct Provider {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    pub(crate) issuer: String,
}

impl Provider {
    pub(crate) fn start() -> Self {
        Self::start_at("0")
    }

    fn start_at(port: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/provider.cjs");
        let mut child = Command::new("node")
            .args([script, port])
            .env("NODE_PATH", variable("LOTSE_NODE_MODULES"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut provider = Self { child, orders, answers, issuer: String::new() };
        let hello = provider.answer();
        hello["issuer"].as_str().unwrap().clone_into(&mut provider.issuer);
        provider
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// Sets it up for this daemon, with keys of its own from now on.
    pub(crate) fn set_up(&mut self, daemon: &Server, setup: Setup) {
        self.set_up_for(&format!("{}/sign-in/callback", daemon.page()), None, setup);
    }

    /// The same for people who are sent back there, and for those of a web client.
    pub(crate) fn set_up_for(&mut self, redirect: &str, web: Option<&str>, setup: Setup) {
        let order = json!({
            "redirect": redirect,
            "web": web,
            "algorithm": setup.algorithm,
            "secret": setup.confidential.then_some(SECRET),
            "inToken": setup.in_token,
        });
        writeln!(self.orders, "{order}").unwrap();
        assert_eq!(self.answer(), json!({ "ready": true }));
    }

    /// Ends it, and starts it again at the same address when told to.
    pub(crate) fn stop(mut self) -> impl FnOnce() -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let (_, port) = self.issuer.rsplit_once(':').unwrap();
        let port = port.to_owned();
        move || Self::start_at(&port)
    }

    /// Has it stand still: it takes connections and answers nothing.
    pub(crate) fn freeze(&self) {
        signal("STOP", self.child.id());
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        signal("CONT", self.child.id());
    }

    /// A daemon that sends people here, as this client; `more` follows in `access.oidc`.
    pub(crate) fn daemon(&self, place: &Place, setup: Setup, more: &str) -> Server {
        let secret = place.write("oidc-secret", SECRET);
        let secret = if setup.confidential {
            format!("    client_secret:\n      file: {}\n", secret.display())
        } else {
            String::new()
        };
        let config = format!(
            "listen: 127.0.0.1:0\nstate_directory: state\naccess:\n  oidc:\n    issuer: {}\n    \
             grants:\n      cloud-admins: [admin]\n      staff: [viewer]\n{secret}{more}",
            self.issuer
        );
        place.write("lotse.yaml", &config);
        place.serve()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to be told.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Where it leads, in full; empty when nowhere.
    pub(crate) location: String,
    pub(crate) text: String,
}

/// A browser without scripts: it keeps cookies, and opens what it is told to.
pub(crate) struct Visitor {
    base: String,
    cookies: RefCell<BTreeMap<String, String>>,
    http: reqwest::Client,
}

impl Visitor {
    pub(crate) fn of(daemon: &Server) -> Self {
        Self::at(&daemon.page())
    }

    /// Somebody who looks at what is served there.
    pub(crate) fn at(base: &str) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        Self {
            base: base.to_owned(),
            cookies: RefCell::default(),
            http: http.no_proxy().build().unwrap(),
        }
    }

    /// The cookie of the session here, `name=value`.
    pub(crate) fn session(&self) -> String {
        let cookies = self.cookies.borrow();
        let is_own = |name: &str| name.starts_with("lotse-") && !name.contains("sign-in");
        let own = cookies.iter().find(|(name, _)| is_own(name));
        own.map(|(name, value)| format!("{name}={value}")).unwrap()
    }

    async fn send(&self, method: Method, url: &str, form: &[(&str, &str)]) -> Answer {
        let url: Url = Url::parse(&self.base).unwrap().join(url).unwrap();
        let cookies: Vec<_> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request =
            self.http.request(method.clone(), url.clone()).header(ACCEPT, "text/html");
        request = request.header(COOKIE, cookies.join("; "));
        if method == Method::POST {
            request = request.form(form);
            if url.as_str().starts_with(&self.base) {
                request = request.header(ORIGIN, &self.base);
            }
        }
        let answer = request.send().await.unwrap();
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
        }
        let to = answer.headers().get(LOCATION).map(|to| to.to_str().unwrap());
        let location = to.map_or(String::new(), |to| url.join(to).unwrap().to_string());
        Answer { status: answer.status().as_u16(), location, text: answer.text().await.unwrap() }
    }

    /// Opens a page of the daemon, or any address.
    pub(crate) async fn open(&self, url: &str) -> Answer {
        self.send(Method::GET, url, &[]).await
    }

    /// Sends a form of a page of the daemon, with the token that stands in it.
    pub(crate) async fn submit(&self, page: &str, action: &str, form: &[(&str, &str)]) -> Answer {
        let text = self.open(page).await.text;
        let (_, rest) = text.split_once("name=\"csrf\" value=\"").unwrap();
        let token = rest.split('"').next().unwrap();
        self.send(Method::POST, action, &[&[("csrf", token)], form].concat()).await
    }

    /// Begins a sign-in and says who one is; the address that the provider sends back to, unopened.
    pub(crate) async fn outward(&self, login: &str) -> String {
        let back = format!("{}/sign-in/callback?", self.base);
        self.led("/sign-in/start?to=%2Fme", &back, login).await
    }

    /// Where the way from an address by way of the provider leads back to; not opened.
    pub(crate) async fn led(&self, from: &str, back: &str, login: &str) -> String {
        let mut answer = self.open(from).await;
        loop {
            assert_eq!(answer.status, 303, "{answer:?}");
            if answer.location.starts_with(back) {
                return answer.location;
            }
            let at = answer.location;
            answer = self.open(&at).await;
            if answer.status == 200 {
                answer = self.send(Method::POST, &at, &[("login", login)]).await;
            }
        }
    }

    /// The whole way; the answer of the daemon to who comes back.
    pub(crate) async fn sign_in(&self, login: &str) -> Answer {
        let back = self.outward(login).await;
        self.open(&back).await
    }

    /// What the daemon knows of the visitor.
    pub(crate) async fn me(&self) -> Value {
        let answer = self.open("/api/v1/me").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str(&answer.text).unwrap()
    }
}

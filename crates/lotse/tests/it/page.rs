//! A status page as a process of its own, with something on it, for programs that others wrote.

use std::path::Path;
use std::process::Command;

use lotse_core::time::{Clock as _, SignedDuration, SystemClock};
use serde_json::{Value, json};

use crate::inbox::Inbox;
use crate::process::{Place, Server, exchange, request, variable};

/// A page on loopback, whose owner is on the same machine.
pub(crate) struct Page {
    pub(crate) place: Place,
    pub(crate) server: Server,
    pub(crate) base: String,
}

impl Page {
    /// An empty page.
    pub(crate) fn new() -> Self {
        let place = Place::new();
        let mut command = place.lotse(&["status", "serve", "--listen", "127.0.0.1:0"]);
        command.args(["--format", "json"]);
        let server = Server::start(command);
        let base = server.page();
        Self { place, server, base }
    }

    /// Sends a document; the answer, which has to be a good one.
    #[track_caller]
    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = request(&self.base, method, path, &body.to_string());
        assert!(matches!(status, 200 | 201 | 204), "{method} {path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap_or_default()
    }

    /// Makes something; its id.
    #[track_caller]
    pub(crate) fn make(&self, path: &str, body: &Value) -> String {
        self.send("POST", path, body)["id"].as_str().unwrap().to_owned()
    }

    /// A component of this name in this region; its id.
    #[track_caller]
    pub(crate) fn component(&self, name: &str, region: &str) -> String {
        self.make("/components", &json!({ "displayName": name, "labels": { "region": region } }))
    }

    /// Ends it as its operator would.
    #[track_caller]
    pub(crate) fn end(self) {
        assert!(self.server.terminate().success());
    }
}

/// The secret of the heart that stops.
const HEART: &str = "0123456789abcdef";

/// A daemon's page with everything on it, its console beside it.
pub(crate) struct Everything {
    pub(crate) page: Page,
    /// The addresses of all pages, most of them in both languages.
    pub(crate) addresses: Vec<String>,
    mail: Inbox,
    hook: Inbox,
}

impl Everything {
    pub(crate) fn new() -> Self {
        let (mail, hook) = (Inbox::mail(), Inbox::webhook("204 No Content"));
        let place = Place::new();
        let config = format!(
            "listen: 127.0.0.1:0\nstate_directory: state\naccess:\n  \
             requests_per_minute: 100000\nstatus:\n  listen: 127.0.0.1:0\n  \
             theme: {{ title: Häfen & Märkte }}\n  detection:\n    rules: [{{ mode: confirm, hold: 0s }}]\n    \
             heartbeats:\n      backup:\n        secret: {{ file: heart }}\n        every: 1s\n        \
             grace: 0s\n        components: {{ component: Anmeldung }}\n  \
             subscribers:\n    mail: ops\n    \
             internal_webhooks: true\n    requests_per_minute: 1000\nnotify:\n  channels:\n    \
             ops:\n      mail:\n        server: localhost\n        port: {}\n        tls: none\n        \
             from: Status <status@cloud.example>\n        to: [ops@cloud.example]\n",
            mail.port
        );
        place.write("lotse.yaml", &config);
        place.write("heart", HEART);
        let server = place.serve();
        let base = server.hello["status"].as_str().unwrap().trim_end_matches('/').to_owned();
        let page = Page { place, server, base };
        let mut all = Self { page, addresses: Vec::new(), mail, hook };
        let month = hours(0)[..7].to_owned();
        for address in ["", "history", "index", "search", "search?q=cable", "search?q=x+y+z"] {
            all.both(address);
        }
        for address in ["widget", "subscribe", "nothing", &format!("sla/{month}")] {
            all.both(address);
        }
        all.furnish();
        all.subscribe();
        // It beats once and not again: that will be proposed.
        assert_eq!(request(&all.page.base, "POST", &format!("/beat/{HEART}"), "").0, 204);
        all
    }

    /// A page in both languages.
    fn both(&mut self, address: &str) {
        self.addresses.extend(["en", "de"].map(|language| format!("/{language}/{address}")));
    }

    /// Something of every kind, in every state.
    fn furnish(&mut self) {
        let page = &self.page;
        let compute = page.component("Rechner <x86>", "west");
        let others = [("Platten & Bänder", "west"), ("Net", "north"), ("Anmeldung", "")];
        let [storage, net, _] = others.map(|(name, region)| page.component(name, region));
        let mut seen = vec![format!("component/{compute}"), format!("component/{net}")];
        let mut add = |name: &str,
                       began: i64,
                       ended: Option<i64>,
                       component: &str,
                       severity: u8| {
            let body = json!({ "displayName": name, "description": "We look.\n<b>Soon</b> & more.",
                "beganAt": hours(began), "endedAt": ended.map(hours),
                "affects": [{ "reference": component, "severity": severity }] });
            let id = page.make("/incidents", &body);
            seen.push(format!("incident/{id}"));
            id
        };
        let broken = add("Platten \"fehlen\"", -3, None, &compute, 90);
        add("Slow login", -30, None, &storage, 20);
        add("Half of the network is gone", -200, Some(-190), &net, 50);
        add("New racks", 20, Some(22), &storage, 0);
        add("New roof", -1, Some(400), &net, 0);
        for text in ["Cause found", ""] {
            let said = json!({ "displayName": text, "description": "A cable. 🦈" });
            page.send("POST", &format!("/incidents/{broken}/updates"), &said);
        }
        let learned = json!({ "text": "Two cables are better than one." });
        page.send("PUT", &format!("/api/v1/incidents/{broken}/postmortem"), &learned);
        let patches = json!({ "title": "Patches", "text": "As ever.", "components": [storage],
            "start": hours(24), "minutes": 90, "rule": "FREQ=WEEKLY" });
        page.send("PUT", "/api/v1/schedules/patches", &patches);
        let fibre = json!({ "provider": "Carrier & Co", "title": "A fibre is cut", "text": "They dig.",
            "components": [net], "began": hours(-5), "url": "https://status.example.net/?a=1&b=2" });
        page.send("POST", "/api/v1/upstream", &fibre);
        let few =
            page.send("PUT", "/api/v1/audiences/few", &json!({ "title": "Few", "link": true }));
        let root = few["link"].as_str().unwrap().trim_end_matches("en/").to_owned();
        page.send(
            "PUT",
            &format!("/api/v1/components/{net}/audiences"),
            &json!({ "audiences": ["few"] }),
        );
        self.addresses.extend(["en", "de"].map(|language| format!("{root}{language}/")));
        self.addresses.push(format!("{root}de/{}", seen[1]));
        // What only the few see is not there for everybody.
        self.addresses.push(format!("/en/{}", seen.remove(1)));
        for address in &seen {
            self.both(address);
        }
    }

    /// A question whether to subscribe, and subscriptions in both ways.
    fn subscribe(&mut self) {
        let mut links = Vec::new();
        for address in ["ada%40example.org", "eve%40example.org"] {
            self.form("/de/subscribe", &format!("way=mail&mail={address}&least=0"));
            links.push(self.link_of_mail());
        }
        let hook = format!("way=webhook&webhook=http://127.0.0.1:{}/x&least=0", self.hook.port);
        self.form("/de/subscribe", &hook);
        let asked = self.hook.next_json();
        let link = asked["data"]["body"]["confirm"].as_str().unwrap();
        links.push(link.strip_prefix(&self.page.base).unwrap().to_owned());
        // The first one has not answered yet.
        for link in links.iter().skip(1) {
            self.form(&format!("{link}/confirm"), "");
        }
        for link in links {
            self.addresses.push(link.replacen("/de/", "/en/", 1));
            self.addresses.push(link);
        }
    }

    /// Where the first link of the next mail leads.
    pub(crate) fn link_of_mail(&self) -> String {
        let mail = self.mail.next().replace("=\n", "").replace("=3D", "=");
        let (_, link) = mail.split_once(&self.page.base).unwrap();
        link.split_whitespace().next().unwrap().to_owned()
    }

    fn form(&self, address: &str, fields: &str) {
        let (status, _, text) = exchange(&self.page.base, &format!("POST {address}"), "", fields);
        assert_eq!(status, 200, "{address}: {text}");
    }
}

/// So many hours from now, to the second.
pub(crate) fn hours(count: i64) -> String {
    let at = SystemClock.now() + SignedDuration::from_hours(count);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What a program of others says that runs a script in `tests/`; it is asked this and has to succeed.
#[track_caller]
pub(crate) fn told(program: &str, script: &str, asked: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
    let mut command = Command::new(program);
    command.arg(script).arg(asked.to_string()).env_clear().env("PATH", "/usr/local/bin:/usr/bin");
    if program == "node" {
        command.env("NODE_PATH", variable("LOTSE_NODE_MODULES"));
    }
    let output = command.output().unwrap();
    let (said, trouble) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{trouble}");
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}\n{trouble}"))
}

//! The guide to detection, followed to the letter: its configuration, its lines for a shell, its
//! configuration of Alertmanager.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::console::Person;
use crate::guides::text_of;
use crate::process::{Ended, Place, Server, request, until, variable};

const GUIDE: &str = "status-detection.md";
const HEART: &str = "0123456789abcdef-of-the-backup";
const SECRET: &str = "the secret that the probe and the page share";

/// The block of the guide that has these words in it.
fn block(words: &str) -> String {
    let text = text_of(GUIDE);
    let blocks = text.split("```").skip(1).step_by(2);
    let found: Vec<_> = blocks.filter(|block| block.contains(words)).collect();
    assert_eq!(found.len(), 1, "{words:?} is in one block of {GUIDE}");
    // Behind the word for what it is written in.
    found[0].split_once('\n').unwrap().1.to_owned()
}

/// A daemon as the guide declares it, but for the patience that a test does not have.
struct Watch {
    place: Place,
    daemon: Server,
    page: String,
}

impl Watch {
    fn new() -> Self {
        let place = Place::new();
        let declared = block("# lotse.yaml").replace("127.0.0.1:7660", "127.0.0.1:0");
        let mut config = "listen: 127.0.0.1:0\nstate_directory: state\n".to_owned();
        config.push_str(&declared);
        for (patient, hasty) in [
            ("hold: 2m", "hold: 0s"),
            ("calm: 5m", "calm: 0s"),
            ("every: 1h, grace: 5m", "every: 1s, grace: 0s"),
            // A rule of its own waits as long when it does not say.
            ("mode: auto ", "mode: confirm "),
            ("veto: 10m", "hold: 0s\n        calm: 0s"),
        ] {
            assert!(config.contains(patient), "{patient}: {config}");
            config = config.replace(patient, hasty);
        }
        place.write("lotse.yaml", &config);
        let mut command = place.lotse(&["serve", "--config", "lotse.yaml", "--format", "json"]);
        command.env("BACKUP_HEART", HEART).env("PROBE_SECRET", SECRET);
        let daemon = place.serve_by(command);
        let page = daemon.hello["status"].as_str().unwrap().trim_end_matches('/').to_owned();
        let watch = Self { place, daemon, page };
        watch.shell(&block("status component add"));
        watch.shell("lotse status component add Backup");
        watch
    }

    /// Runs a block in the shell of somebody who has the secrets at hand; what it writes.
    #[track_caller]
    fn shell(&self, block: &str) -> String {
        let own = std::path::Path::new(env!("CARGO_BIN_EXE_lotse")).parent().unwrap().display();
        let script = format!("set -eu\n{}", block.replace("http://127.0.0.1:7660", &self.page));
        let mut command = Command::new("bash");
        command.args(["-c", &script]).current_dir(self.place.path("")).env_clear();
        command.env("PATH", format!("{own}:/usr/local/bin:/usr/bin:/bin"));
        command.env("HOME", self.place.path("home")).env("LOTSE_STATE", self.place.path("state"));
        command.env("BACKUP_HEART", HEART).env("PROBE_SECRET", SECRET);
        Ended::of(command.output().unwrap()).with_code(0).stdout
    }

    /// Waits for a proposal about this; the tests' runner has the deadline.
    fn proposal(&self, wished: impl Fn(&Value) -> bool) -> Value {
        let list = ["status", "proposal", "list", "--all", "--format", "json"];
        loop {
            let found = self.place.run(&list).with_code(0).json();
            if let Some(one) = found.as_array().unwrap().iter().find(|one| wished(one)) {
                return one.clone();
            }
        }
    }
}

fn id(proposal: &Value) -> &str {
    proposal["id"].as_str().unwrap()
}

#[test]
fn hearts_and_signed_messages_of_the_guide_become_proposals_that_its_commands_decide() {
    let watch = Watch::new();
    watch.shell(&block("/beat/"));
    let taken = watch.shell(&block("webhook-signature"));
    assert_eq!(serde_json::from_str::<Value>(&taken).unwrap()["taken"], 1, "{taken}");
    let said = watch.proposal(|one| one["draft"]["name"].to_string().contains("Compute"));
    let missed = watch.proposal(|one| one["draft"]["name"].to_string().contains("Backup"));
    let commands = block("proposal dismiss");
    let (decide, dismiss) = commands.split_once("lotse status proposal dismiss").unwrap();
    watch.shell(&decide.replace("ID", id(&said)));
    watch.shell(&format!("lotse status proposal dismiss{dismiss}").replace("ID", id(&missed)));
    until(&watch.page, "/en/", |_, page| page.contains("Servers start slowly"));
    assert!(watch.daemon.terminate().success());
}

/// Alertmanager with the configuration of the guide; ended with the test.
struct Alertmanager {
    child: Child,
    base: String,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to be told.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Alertmanager {
    fn start(watch: &Watch, token: &str) -> Self {
        let token = watch.place.write("lotse-token", token);
        let mut config = block("# alertmanager.yml").replace("http://127.0.0.1:7660", &watch.page);
        for (usual, own) in [
            ("/etc/alertmanager/lotse-token", token.to_str().unwrap()),
            ("group_wait: 10s", "group_wait: 0s"),
            ("group_interval: 1m", "group_interval: 1s"),
        ] {
            assert!(config.contains(usual), "{usual}: {config}");
            config = config.replace(usual, own);
        }
        let config = watch.place.write("alertmanager.yml", &config);
        // It has to be told a port, so one that is free now is taken.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let log = std::fs::File::create(watch.place.path("alertmanager.log")).unwrap();
        let mut command = Command::new(variable("LOTSE_ALERTMANAGER"));
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", watch.place.path("alertmanager").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let mut child = command.spawn().unwrap();
        while std::net::TcpStream::connect(&address).is_err() {
            let log = || std::fs::read_to_string(watch.place.path("alertmanager.log"));
            assert!(child.try_wait().unwrap().is_none(), "{:?}", log());
        }
        let base = format!("http://{address}");
        until(&base, "/-/ready", |status, _| status == 200);
        Self { child, base }
    }

    /// Sends what Prometheus sends: an alert that goes on, or one that has ended.
    fn alert(&self, has_ended: bool) {
        let labels = json!({ "alertname": "ServersDoNotStart", "region": "west",
            "component": "Compute", "severity": "critical", "instance": "cn-17" });
        let mut alert = json!({ "labels": labels, "startsAt": "2026-01-01T00:00:00Z",
            "annotations": { "summary": "3 of 4 servers did not start" } });
        let end = if has_ended { crate::page::hours(0) } else { crate::page::hours(1) };
        alert["endsAt"] = end.into();
        let body = json!([alert]).to_string();
        let (status, said) = request(&self.base, "POST", "/api/v2/alerts", &body);
        assert_eq!(status, 200, "{said}");
    }
}

#[tokio::test]
#[ignore = "real: alertmanager"]
async fn an_alert_of_alertmanager_is_proposed_and_its_end_is_noticed() {
    let watch = Watch::new();
    let admin = Person::admin(&watch.daemon).await;
    let fields = [("name", "alertmanager"), ("days", "1"), ("scope", "status.signal")];
    let (_, _, made) = admin.submit("/tokens", "/tokens", &fields).await;
    let (_, secret) = made.split_once("<code class=\"secret\">").unwrap();
    let alertmanager = Alertmanager::start(&watch, secret.split('<').next().unwrap());
    alertmanager.alert(false);
    let proposal = watch.proposal(|one| one["state"] == "open");
    let shown = watch.shell(&format!("lotse status proposal show {}", id(&proposal)));
    assert!(shown.contains("3 of 4 servers did not start"), "{shown}");
    let draft = proposal["draft"].to_string();
    assert!(!draft.contains("cn-17") && !draft.contains("3 of 4"), "for the public: {draft}");
    watch.shell(&format!("lotse status proposal confirm {}", id(&proposal)));
    until(&watch.page, "/api/v2/incidents/unresolved.json", |_, all| all.contains(id(&proposal)));
    alertmanager.alert(true);
    let over = watch.proposal(|one| one["over"].is_string());
    assert_eq!(id(&over), id(&proposal));
    assert_eq!(over["state"], "confirmed", "a person ends what a person has confirmed");
    assert!(watch.daemon.terminate().success());
}

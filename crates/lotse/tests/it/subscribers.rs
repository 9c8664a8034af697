//! Subscribers of a real daemon's page: asked by mail, told by mail and webhook, gone with one click,
//! told once by the daemon after one that was killed.

use crate::inbox::Inbox;
use crate::process::{Place, Server, exchange, get, request};

fn place(mail: &Inbox) -> Place {
    let place = Place::new();
    place.write("p.yaml", "components:\n  - displayname: Compute\n    labels: { region: west }\n");
    let config = format!(
        "listen: 127.0.0.1:0\nstate_directory: state\nstatus:\n  listen: 127.0.0.1:0\n  \
         provision: p.yaml\n  theme: {{ title: Harbour }}\n  subscribers:\n    mail: ops\n    \
         internal_webhooks: true\nnotify:\n  channels:\n    ops:\n      mail:\n        \
         server: localhost\n        port: {}\n        tls: none\n        \
         from: Status <status@cloud.example>\n        to: [ops@cloud.example]\n",
        mail.port
    );
    place.write("lotse.yaml", &config);
    place
}

fn page(daemon: &Server) -> String {
    daemon.hello["status"].as_str().unwrap().to_owned()
}

/// A mail without the encoding of its way.
fn plain(mail: &str) -> String {
    mail.replace("=\n", "").replace("=3D", "=")
}

fn after<'a>(text: &'a str, before: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{before:?}: {text}"));
    rest.split([' ', '\n', '>']).next().unwrap()
}

#[test]
fn a_reader_is_asked_told_by_mail_and_gone_with_one_click() {
    let mail = Inbox::mail();
    let place = place(&mail);
    let daemon = place.serve();
    let base = &page(&daemon);
    let form = "way=mail&mail=ada%40example.org&maintenance=yes&least=0&region=west";
    assert_eq!(request(base, "POST", "/de/subscribe", form).0, 200);

    let asked = plain(&mail.next());
    assert!(asked.contains("To: ada@example.org"), "{asked}");
    assert!(asked.contains("Bitte best=C3=A4tigen"), "it is in their language: {asked}");
    assert!(!asked.contains("List-Unsubscribe"), "there is nothing to end yet: {asked}");
    let manage = after(&asked, base).to_owned();
    assert!(manage.starts_with("/de/subscription/"), "{manage}");
    assert!(get(base, &manage).1.contains("Ja, gern"), "the page asks once more");
    assert_eq!(request(base, "POST", &format!("{manage}/confirm"), "").0, 200);

    let opened = ["status", "incident", "open", "Disks", "--affects", "Compute=90"];
    place.run(&[&opened[..], &["--silent"]].concat()).with_code(0);
    place.run(&opened).with_code(0);
    let told = plain(&mail.next());
    assert!(told.contains("Compute (west): Ausgefallen"), "{told}");
    assert!(told.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{told}");
    let one_click = after(&told, "List-Unsubscribe: <").strip_prefix(base.as_str()).unwrap();
    let click = format!("POST {one_click}");
    assert_eq!(exchange(base, &click, "", "List-Unsubscribe=One-Click").0, 200);
    assert_eq!(place.run(&["status", "subscriber", "list"]).with_code(0).stdout, "");
    assert!(daemon.terminate().success());
}

#[test]
fn what_was_written_when_the_daemon_was_dead_is_told_once_by_the_next() {
    let (mail, hook) = (Inbox::mail(), Inbox::webhook("204 No Content"));
    let place = place(&mail);
    let daemon = place.serve();
    let url = format!("http://127.0.0.1:{}/hooks/password", hook.port);
    let added = place.run(&["status", "subscriber", "add", "--webhook", &url]).with_code(0);
    assert!(added.stdout.contains("whsec_"), "{}", added.stdout);
    place.run(&["status", "subscriber", "add", "--mail", "ada@example.org"]).with_code(0);
    let listed = place.run(&["status", "subscriber", "list"]).with_code(0).stdout;
    assert!(listed.contains("ada@example.org") && !listed.contains("password"), "{listed}");
    daemon.kill();

    let open = |name: &str| {
        let words = ["status", "incident", "open", name, "--affects", "Compute=90"];
        place.run(&words).with_code(0);
    };
    open("First");
    let daemon = place.serve();
    let event = hook.next_json();
    assert_eq!(event["type"], "status.incident.opened", "{event}");
    assert_eq!(event["data"]["body"]["name"], "First", "{event}");
    assert!(plain(&mail.next()).contains("First"));
    daemon.kill();
    let daemon = place.serve();
    // Whatever came twice would come before this.
    open("Second");
    assert_eq!(hook.next_json()["data"]["body"]["name"], "Second");
    assert!(plain(&mail.next()).contains("Second"));
    assert!(daemon.terminate().success());
}

#[test]
fn a_reader_cannot_have_internal_addresses_called() {
    let mail = Inbox::mail();
    let place = place(&mail);
    let config = std::fs::read_to_string(place.path("lotse.yaml")).unwrap();
    place.write("lotse.yaml", &config.replace("    internal_webhooks: true\n", ""));
    let daemon = place.serve();
    let form = "way=webhook&webhook=http%3A%2F%2F127.0.0.1%3A9%2Flatest%2Fmeta-data";
    assert_eq!(request(&page(&daemon), "POST", "/en/subscribe", form).0, 200);
    let words = ["notify", "list", "--state", "dead", "--config", "lotse.yaml", "--format", "json"];
    let letters = loop {
        let listed = place.run(&words).with_code(0).json()["deliveries"].take();
        if listed.as_array().is_some_and(|all| !all.is_empty()) {
            break listed;
        }
    };
    assert!(letters[0]["said"].as_str().unwrap().contains("of this host"), "{letters}");
    assert!(daemon.terminate().success());
}

#[test]
fn an_address_whose_server_refuses_for_good_is_not_told_for_ever() {
    let mail = Inbox::strict_mail("ghost@example.org");
    let place = place(&mail);
    let daemon = place.serve();
    for address in ["ada@example.org", "ghost@example.org"] {
        place.run(&["status", "subscriber", "add", "--mail", address]).with_code(0);
    }
    let list = ["status", "subscriber", "list", "--format", "json"];
    let fails = || {
        let listed = place.run(&list).with_code(0).json();
        let ghost =
            listed.as_array().unwrap().iter().find(|one| one["target"] == "ghost@example.org");
        ghost.unwrap()["failing"]["times"].as_i64().unwrap_or(0)
    };
    for times in 1..=4 {
        let words = ["status", "incident", "open", "Disks", "--affects", "Compute=90"];
        place.run(&words).with_code(0);
        assert!(mail.next().contains("To: ada@example.org"), "others are told as before");
        // The fourth is not even tried.
        while fails() < times.min(3) {
            std::thread::yield_now();
        }
    }
    let listed = place.run(&["status", "subscriber", "list"]).with_code(0).stdout;
    assert!(listed.contains("refused 3 times, not told any more: "), "{listed}");
    place.run(&["status", "subscriber", "add", "--mail", "ghost@example.org"]).with_code(0);
    assert_eq!(fails(), 0, "the operator has said that somebody is there");
    assert!(daemon.terminate().success());
}

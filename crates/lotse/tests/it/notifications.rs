//! Notifications of a real daemon: proposals and failures arrive by mail and webhook, dead letters
//! are listed and sent again.

use serde_json::Value;

use crate::inbox::Inbox;
use crate::process::{Place, Server, example, request, until};

/// A place with a simulated cloud, and with a configuration under this policy that tells the two
/// inboxes everything.
fn place(sim: &Server, place: &Place, policy: &str, mail: &Inbox, hook: &Inbox) {
    assert!(sim.hello["url"].is_string());
    let images = example("images").canonicalize().unwrap();
    place.write("hook-url", &format!("http://127.0.0.1:{}/hooks/password", hook.port));
    place.write("hook-secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    let config = format!(
        "listen: 127.0.0.1:0\nstate_directory: state\nclouds_file: clouds.yaml\nimages:\n  \
         path: {}\n  clouds: [sim]\n  import: cloud\n  policy: {policy}\n  period: 1h\nnotify:\n  \
         base_url: https://lotse.example.org/\n  channels:\n    ops:\n      mail:\n        \
         server: localhost\n        port: {}\n        tls: none\n        \
         from: Lotse <lotse@cloud.example>\n        to: [ops@cloud.example]\n    bot:\n      \
         webhook:\n        url_from:\n          file: hook-url\n        secret:\n          \
         file: hook-secret\n  rules:\n  - topics: [change.*, task.*]\n    \
         channels: [ops, bot]\n",
        images.display(),
        mail.port,
    );
    place.write("lotse.yaml", &config);
}

/// Lines as they were before the encoding of the way broke them.
fn joined(mail: &str) -> String {
    mail.replace("=\n", "").replace("=E2=9C=93", "✓")
}

#[test]
fn what_the_daemon_proposes_arrives_by_mail_and_webhook() {
    let home = Place::new();
    let sim = home.simulate(&[]);
    let (mail, hook) = (Inbox::mail(), Inbox::webhook("204 No Content"));
    place(&sim, &home, "propose", &mail, &hook);
    let daemon = home.serve();

    let event = hook.next_json();
    assert_eq!(event["type"], "change.proposed", "{event}");
    assert_eq!(event["data"]["subject"], "sim/images", "{event}");
    assert_eq!(event["data"]["body"]["steps"], 7, "{event}");
    let link = event["data"]["link"].as_str().unwrap().to_owned();
    assert!(link.starts_with("https://lotse.example.org/changes/"), "{link}");
    let mail = joined(&mail.next());
    assert!(mail.contains("Subject: [Lotse] sim: 7 changes of images to approve"), "{mail}");
    assert!(mail.contains("To: ops@cloud.example"), "{mail}");
    assert!(mail.contains(&link) && mail.contains("Debian"), "{mail}");

    let page = &daemon.page();
    let metrics = until(page, "/metrics", |_, body| {
        body.contains(r#"lotse_notify_attempts_total{channel="bot",outcome="sent"} 1"#)
            && body.contains(r#"lotse_notify_attempts_total{channel="ops",outcome="sent"} 1"#)
    });
    assert!(metrics.contains(r#"lotse_notify_deliveries{state="dead"} 0"#), "{metrics}");
    assert!(!metrics.contains("password"), "{metrics}");
    assert!(daemon.terminate().success());

    // The next daemon proposes the same and tells nobody again.
    let daemon = home.serve();
    let page = &daemon.page();
    until(page, "/metrics", |_, body| {
        body.contains(r#"lotse_task_last_success{task="images/sim"} 1"#)
            && body.contains(r#"lotse_task_last_success{task="notify/deliver"} 1"#)
    });
    assert!(daemon.terminate().success());
    let listed = listed(&home, "sent");
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
}

fn listed(home: &Place, state: &str) -> Value {
    let words = ["notify", "list", "--state", state, "--config", "lotse.yaml", "--format", "json"];
    home.run(&words).with_code(0).json()["deliveries"].take()
}

#[test]
fn an_apply_that_fails_is_told_and_so_is_its_end() {
    let home = Place::new();
    let sim = home.simulate(&[]);
    let url = sim.hello["url"].as_str().unwrap().to_owned();
    let refuse = r#"{"service":"image","method":"POST","effect":{"kind":"status","status":409}}"#;
    let (status, said) = request(&url, "POST", "/_sim/faults", refuse);
    assert_eq!(status, 201, "{said}");
    let (mail, hook) = (Inbox::mail(), Inbox::webhook("200 OK"));
    place(&sim, &home, "apply", &mail, &hook);
    let daemon = home.serve();

    let types = [hook.next_json(), hook.next_json()].map(|event| event["type"].clone());
    assert!(types.contains(&Value::from("change.failed")), "{types:?}");
    assert!(types.contains(&Value::from("task.failed")), "{types:?}");
    let mails = [joined(&mail.next()), joined(&mail.next())].concat();
    assert!(mails.contains("Subject: [Lotse] sim: 7 changes of images failed"), "{mails}");
    assert!(mails.contains("Subject: [Lotse] the task images/sim fails"), "{mails}");
    assert!(mails.contains("409"), "the answer of the API is there: {mails}");
    assert!(daemon.terminate().success());

    request(&url, "DELETE", "/_sim/faults", "");
    let daemon = home.serve();
    let types = [hook.next_json(), hook.next_json()].map(|event| event["type"].clone());
    assert!(types.contains(&Value::from("change.applied")), "{types:?}");
    assert!(types.contains(&Value::from("task.recovered")), "{types:?}");
    assert!(daemon.terminate().success());
}

#[test]
fn a_dead_letter_is_listed_and_sent_again() {
    let home = Place::new();
    let sim = home.simulate(&[]);
    let (mail, refusing) = (Inbox::mail(), Inbox::webhook("400 Bad Request"));
    place(&sim, &home, "propose", &mail, &refusing);
    let daemon = home.serve();
    let page = daemon.page();
    until(&page, "/metrics", |_, body| body.contains(r#"lotse_notify_deliveries{state="dead"} 1"#));
    let id = listed(&home, "dead")[0]["id"].as_str().unwrap().to_owned();
    let text = home.run(&["notify", "list", "--config", "lotse.yaml"]).with_code(0).stdout;
    assert!(text.contains(&id) && text.contains("400 Bad Request"), "{text}");
    assert!(!text.contains("password"), "{text}");

    let resend = ["notify", "resend", &id, "--config", "lotse.yaml"];
    let said = home.run(&resend).with_code(0).stdout;
    assert_eq!(said, "1 notification waits to be sent again\n");
    assert!(home.run(&resend).with_code(1).stderr.contains("no dead letter"));
    assert_eq!(refusing.next_json()["type"], "change.proposed");
    assert!(daemon.terminate().success());
}

#[test]
fn a_test_message_goes_out_at_once_and_says_what_came_of_it() {
    let home = Place::new();
    let sim = home.simulate(&[]);
    let (mail, hook) = (Inbox::mail(), Inbox::webhook("503 Busy"));
    place(&sim, &home, "observe", &mail, &hook);
    let said = home.run(&["notify", "test", "ops", "--config", "lotse.yaml"]).with_code(0).stdout;
    assert_eq!(said, "ops@cloud.example: sent (250 taken)\n");
    assert!(joined(&mail.next()).contains("Subject: [Lotse] a test message"));
    let ended = home.run(&["notify", "test", "bot", "--config", "lotse.yaml"]).with_code(1);
    assert!(ended.stdout.starts_with("bot: not sent: "), "{}", ended.stdout);
    assert!(ended.stdout.contains("503"), "{}", ended.stdout);
    assert_eq!(hook.next_json()["type"], "notify.test");
    let ended = home.run(&["notify", "test", "opps", "--config", "lotse.yaml"]);
    assert!(ended.stderr.contains("there is no channel \"opps\""), "{}", ended.stderr);
    assert!(ended.stderr.contains("bot, ops"), "{}", ended.stderr);
}

#[test]
fn wrong_channels_are_found_by_the_check() {
    let home = Place::new();
    let base = "listen: 127.0.0.1:0\nstate_directory: state\nnotify:\n";
    let check = |section: &str| {
        home.write("lotse.yaml", &format!("{base}{section}"));
        let ended = home.run(&["config", "check", "--config", "lotse.yaml"]);
        (ended.code, format!("{}{}", ended.stdout, ended.stderr))
    };
    let hook =
        "  channels:\n    bot:\n      webhook:\n        url: https://hooks.example.org/secret\n";
    let (code, said) = check(hook);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("channel bot: webhook at https://hooks.example.org"), "{said}");
    assert!(!said.contains("/secret"), "{said}");

    let rule = format!("{hook}  rules:\n  - topics: [change.*]\n    channels: [bto]\n");
    let (code, said) = check(&rule);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("\"bto\""), "{said}");

    let mail = "  channels:\n    ops:\n      mail:\n        server: mail.example.org\n        \
                tls: none\n        from: a@example.org\n        to: [b@example.org]\n";
    let (code, said) = check(mail);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("only for a server on this host"), "{said}");

    let (code, said) =
        check("  channels:\n    bot:\n      webhok:\n        url: https://a.example\n");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("lotse.yaml:6:7: unknown key \"webhok\""), "{said}");
    assert!(!home.path("state").exists(), "a check makes nothing");
}

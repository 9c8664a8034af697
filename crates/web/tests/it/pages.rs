//! The pages as a browser gets them.

use lotse_core::task::Report;
use lotse_store::audit::{Deed, DeedOutcome};
use reqwest::{Method, StatusCode};

use crate::world::{Plan, World, start, strict};

#[tokio::test]
async fn the_first_page_shows_clouds_tasks_and_what_is_left_to_do() {
    let world = World::strict().await;
    let page = world.admin().await.get("/").await;
    for words in [
        "2 create",
        "<strong>sim</strong>",
        "2 images to create",
        "succeeded",
        "state/housekeeping",
    ] {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
    assert!(page.text.contains("&#60;b&#62;true") && !page.text.contains("<b>true"), "escaped");
}

#[tokio::test]
async fn the_first_page_is_small_and_needs_nothing_but_the_stylesheet() {
    let tasks = (0..100).map(|number| {
        let report = Report { summary: "all converged".repeat(5), ..Report::default() };
        (format!("images/cloud-{number}"), report)
    });
    let world =
        World::of(Plan { access: strict(), tasks: tasks.collect(), ..Plan::default() }).await;
    let browser = world.admin().await;
    let request = browser.request(Method::GET, "/").header("accept", "text/html");
    let packed = browser.send(request.header("accept-encoding", "gzip")).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    let plain = browser.get("/").await.text;
    assert!(plain.len() > 20_000, "{}", plain.len());
    // The answer was read as text, which only makes it longer.
    assert!(packed.text.len() <= 40_000, "{} bytes", packed.text.len());
    assert_eq!(plain.matches("<link").count(), 1);
    assert_eq!(plain.matches("<script").count(), 1, "ours, and it may be missing");
    for foreign in ["<script>", "style=", "<style", "<img", "http://", "https://", "onclick"] {
        assert!(!plain.contains(foreign), "{foreign}");
    }
}

#[tokio::test]
async fn the_stylesheet_is_not_sent_twice() {
    let world = World::start().await;
    let browser = world.browser();
    let first = browser.get("/assets/lotse.css").await;
    let tag = first.header("etag").to_owned();
    assert!(first.status.is_success() && tag.starts_with("W/\""), "{tag}");
    let again = browser.request(Method::GET, "/assets/lotse.css").header("if-none-match", &tag);
    let again = browser.send(again).await;
    assert_eq!((again.status, again.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    let other = browser.request(Method::GET, "/assets/lotse.css").header("if-none-match", "\"x\"");
    assert_eq!(browser.send(other).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_task_is_asked_to_run_and_the_log_says_by_whom() {
    let world = World::strict().await;
    let browser = world.person("otto", &["operator"]).await;
    let before = world.board.task("images/sim").unwrap().succeeded;
    let answer = browser.submit("/tasks", "/tasks/request", &[("task", "images/sim")]).await;
    assert_eq!(answer.location(), "/tasks?requested=images%2Fsim");
    assert!(browser.get(answer.location()).await.text.contains("images/sim was asked to run now"));
    let ran = |tasks: &[lotse_core::task::TaskStatus]| {
        tasks.iter().any(|task| task.name == "images/sim" && task.succeeded > before)
    };
    world.board.wait_until(ran).await;
    let deed = ("user:otto".to_owned(), "task.request".to_owned(), "done");
    assert_eq!(world.deeds().await, [deed]);
    let missing = browser.submit("/tasks", "/tasks/request", &[("task", "<b>\u{1}")]).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(!missing.text.contains("<b>") && !missing.text.contains('\u{1}'), "{}", missing.text);
    let viewer = world.person("vera", &["viewer"]).await.get("/tasks").await;
    assert!(!viewer.text.contains("Run now"), "what one may not do is not offered");
    let lie = browser.get("/tasks?requested=You+have+won").await;
    assert!(!lie.text.contains("won"), "only tasks of ours are named");
}

fn deed(number: usize, actor: &str) -> Deed {
    Deed {
        at: start(),
        actor: actor.to_owned(),
        action: format!("image.update{}", number % 2),
        object: format!("sim/image/{number}"),
        outcome: if number.is_multiple_of(2) { DeedOutcome::Done } else { DeedOutcome::Failed },
        request_ids: Vec::new(),
        detail: serde_json::json!({ "number": number }),
    }
}

#[tokio::test]
async fn the_audit_log_is_paged_and_filtered() {
    let world = World::strict().await;
    let browser = world.person("otto", &["operator"]).await;
    assert!(browser.get("/audit").await.text.contains("Nothing has been done yet"));
    for number in 0..120 {
        let actor = if number == 7 { "eve & co" } else { "daemon" };
        world.store.record(deed(number, actor)).await.unwrap();
    }
    let (mut path, mut seen) = ("/audit".to_owned(), 0);
    loop {
        let page = browser.get(&path).await;
        seen += page.text.matches("sim/image/").count();
        match page.text.split_once("\">Older</a>") {
            Some((before, _)) => {
                let link = before.rsplit_once("href=\"").unwrap().1;
                path = link.replace("&#38;", "&");
            }
            None => break,
        }
    }
    assert_eq!(seen, 120, "every entry once");
    let found = browser.get("/audit?actor=eve+%26+co&action=image&object=&outcome=failed").await;
    assert_eq!(found.text.matches("sim/image/").count(), 1, "{}", found.text);
    assert!(found.text.contains("eve &#38; co") && found.text.contains("selected>failed"));
    let nothing = browser.get("/audit?actor=nobody").await;
    assert!(nothing.text.contains("No entry is like that"));
    for odd in ["/audit?outcome=odd", "/audit?before=9999999999", "/audit?actor=%00"] {
        assert!(browser.get(odd).await.status.is_success(), "{odd}");
    }
    assert_eq!(browser.get("/audit?before=x").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_state_of_the_chain_is_told() {
    let world = World::strict().await;
    let browser = world.person("otto", &["operator"]).await;
    assert!(browser.get("/audit").await.text.contains("holds up to entry 0"));
    world.store.record(deed(1, "daemon")).await.unwrap();
    let tampering = lotse_store::sqlx::query("UPDATE audit SET actor = 'eve'");
    world.store.execute("tamper", tampering).await.unwrap();
    browser.submit("/tasks", "/tasks/request", &[("task", "state/housekeeping")]).await;
    world.board.wait_until(|tasks| tasks.iter().any(|task| task.failed > 0)).await;
    let page = browser.get("/audit").await;
    assert!(page.text.contains("entry 1 was changed"), "{}", page.text);
}

#[tokio::test]
async fn hostile_names_stay_short_escaped_and_on_their_line() {
    let hostile = format!("<script>alert(1)</script>\u{0}\u{202e}\n{}", "x".repeat(1 << 20));
    let report = Report { summary: hostile.clone(), ..Report::default() };
    let tasks = vec![("images/<i>\u{1b}[1m".to_owned(), report)];
    let world = World::of(Plan { access: strict(), tasks, ..Plan::default() }).await;
    let clean = hostile.replace('\0', "");
    world.store.record(Deed { actor: clean.clone(), object: clean, ..deed(1, "") }).await.unwrap();
    let browser = world.person("<img src=x>\u{7}", &["admin"]).await;
    for path in ["/", "/tasks", "/audit", "/tokens", "/me"] {
        let page = browser.get(path).await;
        assert!(page.status.is_success(), "{path}");
        assert!(page.text.len() < 60_000, "{path}: {} bytes", page.text.len());
        for bad in ["<script>", "<img", "<i>", "\u{202e}", "\u{1b}", "\0", "\u{7}"] {
            assert!(!page.text.contains(bad), "{path} has {bad:?}");
        }
    }
}

#[tokio::test]
async fn errors_are_pages_for_browsers_and_problems_for_programs() {
    let world = World::strict().await;
    let browser = world.person("vera", &["viewer"]).await;
    let missing = browser.get("/nowhere/%3Cb%3E").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.header("content-type").starts_with("text/html"), "{missing:?}");
    assert!(missing.text.contains("No such page") && !missing.text.contains("<b>"));
    assert!(missing.text.contains("vera") && missing.text.contains("Sign out"), "still known");
    let lost = world.browser().get("/nowhere").await;
    assert!(lost.text.contains("Sign in") && !lost.text.contains("/tasks"), "{}", lost.text);
    let forbidden = browser.get("/audit").await;
    assert_eq!(forbidden.status, StatusCode::FORBIDDEN);
    assert!(forbidden.text.contains("audit.read") && forbidden.text.contains("Sign out"));
    let program = browser.api("/audit").await;
    assert_eq!(program.header("content-type"), "application/problem+json");
    let method = browser.request(Method::PUT, "/tasks").header("accept", "text/html");
    assert_eq!(browser.send(method).await.status, StatusCode::METHOD_NOT_ALLOWED);
    let large = browser.post("/tokens", &[("name", &"x".repeat(1 << 20))]).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_state_that_is_gone_is_said_without_its_inner_words() {
    let world = World::strict().await;
    let browser = world.admin().await;
    world.store.close().await;
    let page = browser.get("/").await;
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(page.text.contains("The state of the daemon cannot be used"), "{}", page.text);
    assert!(!page.text.contains("lotse.db") && !page.text.contains("sqlx"), "{}", page.text);
    assert!(world.browser().get("/healthz").await.status.is_success());
}

//! `lotse demo`.

use crate::process::{Place, Server, get};

#[test]
fn once_converges_the_example_estate_and_leaves_nothing_behind() {
    let place = Place::new();
    let temporary = place.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let mut command =
        place.lotse(&["demo", "--once", "--listen", "127.0.0.1:0", "--format", "json"]);
    let output = command.env("TMPDIR", &temporary).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let last: serde_json::Value = serde_json::from_str(&text).unwrap();
    let task = &last["tasks"][0];
    assert_eq!(task["name"], "images/sim");
    assert_eq!(task["last"]["outcome"], "succeeded", "{task}");
    assert_eq!(task["last"]["report"]["detail"]["needed"]["create"], 0, "{task}");
    let first = &last["first"][0]["last"]["report"]["detail"]["needed"];
    assert_eq!(first["create"], 7, "{last}");
    assert!(place.names_in("tmp").is_empty(), "{:?}", place.names_in("tmp"));
    assert!(place.names_in("state").is_empty());
}

#[test]
fn the_places_it_names_answer() {
    let place = Place::new();
    let demo = Server::start(place.lotse(&["demo", "--listen", "127.0.0.1:0", "--format", "json"]));
    let page = demo.page();
    for (path, word) in [
        ("/", "Lotse"),
        ("/api/v1", "links"),
        ("/api/v1/tasks", "images/sim"),
        ("/metrics", "lotse_task_running"),
    ] {
        let (status, body) = get(&page, path);
        assert_eq!(status, 200, "{path}");
        assert!(body.contains(word), "{path}: {body}");
    }
    assert!(demo.terminate().success());
}

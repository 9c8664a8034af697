//! `lotse backup` and `lotse restore`, beside the daemon and after it.

use crate::process::{Place, get, has_run, until};

const CONFIG: &str = "listen: 127.0.0.1:0\nstate_directory: state\n";

#[test]
fn what_the_daemon_knew_is_back_after_a_restore_from_a_copy_made_while_it_ran() {
    let place = Place::new();
    place.write("lotse.yaml", CONFIG);
    let daemon = place.serve();
    let page = daemon.page();
    let before = until(&page, "/api/v1/tasks", |_, body| has_run(body));
    let copied = place.run(&["backup", "--to", "copy.db", "--format", "json"]).with_code(0).json();
    assert_eq!(copied["file"], place.path("copy.db").to_str().unwrap());
    let running = place.run(&["restore", "--from", "copy.db"]).with_code(1).stderr;
    assert!(running.contains(&daemon.pid().to_string()), "the daemon is named: {running}");
    assert_eq!(get(&page, "/readyz").0, 200);
    daemon.kill();

    let occupied = place.run(&["restore", "--from", "copy.db"]).with_code(1).stderr;
    assert!(occupied.contains("exists already") && occupied.contains("try:"), "{occupied}");
    std::fs::rename(place.path("state"), place.path("state.old")).unwrap();
    place.run(&["restore", "--from", "copy.db"]).with_code(0);
    let daemon = place.serve();
    let page = daemon.page();
    let after = get(&page, "/api/v1/tasks").1;
    let started = |body: &str| {
        let tasks: serde_json::Value = serde_json::from_str(body).unwrap();
        tasks["tasks"][0]["last"]["started"].as_str().unwrap().to_owned()
    };
    assert!(started(&after) >= started(&before), "{after}");
    assert!(daemon.terminate().success());
}

#[test]
fn without_a_configuration_the_state_of_the_commands_is_copied() {
    let place = Place::new();
    let missing = place.run(&["backup", "--to", "copy.db"]).with_code(1).stderr;
    assert!(missing.contains("there is no state at"), "{missing}");
    place.write("lotse.yaml", CONFIG);
    let daemon = place.serve();
    assert!(daemon.terminate().success());
    std::fs::remove_file(place.path("lotse.yaml")).unwrap();
    place.run(&["backup", "--to", "copy.db"]).with_code(0);
    let again = place.run(&["backup", "--to", "copy.db"]).with_code(1).stderr;
    assert!(again.contains("copy.db exists already"), "{again}");
}

#[test]
fn postgresql_is_left_to_its_own_tools() {
    let place = Place::new();
    let config = "database:\n  postgres:\n    file: url\n";
    place.write("lotse.yaml", config);
    place.write("url", "postgres://lotse:hush@127.0.0.1/lotse\n");
    let said = place.run(&["backup", "--to", "copy.db"]).with_code(2).stderr;
    assert!(said.contains("pg_dump") && !said.contains("hush"), "{said}");
    assert!(!place.path("copy.db").exists());
}

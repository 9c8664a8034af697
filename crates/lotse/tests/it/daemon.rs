//! `lotse serve`: start, drain, kill, a second instance.

use crate::process::{Place, example, get, has_run, request, until, variable};

#[test]
fn the_daemon_is_ready_works_and_drains_on_sigterm() {
    let (place, _sim) = Place::harbour("apply", &[], "");
    let daemon = place.serve();
    let page = daemon.page();
    assert_eq!(get(&page, "/healthz").0, 200);
    assert_eq!(get(&page, "/readyz").0, 200);
    let tasks = until(&page, "/api/v1/tasks", |_, body| has_run(body));
    assert!(tasks.contains(r#""outcome":"succeeded""#), "{tasks}");
    let metrics = get(&page, "/metrics").1;
    assert!(metrics.contains(r#"lotse_task_last_success{task="images/sim"} 1"#), "{metrics}");
    assert!(metrics.contains("lotse_openstack_requests_total{"), "{metrics}");
    assert!(daemon.terminate().success());
}

#[test]
fn a_server_is_told_to_return_memory_soon() {
    let (place, _sim) = Place::harbour("apply", &[], "");
    let daemon = place.serve();
    let environment = std::fs::read(format!("/proc/{}/environ", daemon.pid())).unwrap();
    let variables: Vec<_> = environment.split(|byte| *byte == 0).collect();
    assert!(variables.contains(&&b"MIMALLOC_PURGE_DELAY=10"[..]));
    assert!(daemon.terminate().success());
}

#[test]
fn what_a_task_did_is_known_after_a_kill_and_a_restart() {
    let (place, _sim) = Place::harbour("apply", &[], "");
    let daemon = place.serve();
    until(&daemon.page(), "/api/v1/tasks", |_, body| has_run(body));
    daemon.kill();
    let daemon = place.serve();
    let tasks = get(&daemon.page(), "/api/v1/tasks").1;
    assert!(has_run(&tasks), "{tasks}");
    assert!(daemon.terminate().success());
}

#[test]
fn a_second_daemon_on_the_same_state_is_refused_and_the_first_goes_on() {
    let (place, _sim) = Place::harbour("apply", &[], "");
    let first = place.serve();
    let second = place.run(&["serve", "--config", "lotse.yaml"]).with_code(1);
    let pid = first.pid().to_string();
    assert!(second.stderr.contains(&pid), "the holder is named: {}", second.stderr);
    assert_eq!(get(&first.page(), "/readyz").0, 200);
}

#[test]
#[ignore = "real: postgresql"]
fn two_daemons_on_postgresql_share_the_work_and_the_survivor_takes_over() {
    let (place, _sim) = Place::harbour("apply", &[], "");
    let database = Database::create("daemon");
    let url = place.write("postgres-url", &database.url);
    let config = std::fs::read_to_string(place.path("lotse.yaml")).unwrap();
    let config = format!("{config}database:\n  postgres:\n    file: {}\n", url.display());
    place.write("lotse.yaml", &config.replace("period: 1h", "period: 10s"));
    let first = place.serve();
    until(&first.page(), "/api/v1/tasks", |_, body| has_run(body));
    let second = place.serve();
    let page = second.page();
    // It knows what the first one did, from the database.
    until(&page, "/api/v1/tasks", |_, body| has_run(body));
    first.kill();
    let worked = |body: &str| {
        let tasks: serde_json::Value = serde_json::from_str(body).unwrap();
        tasks["tasks"][0]["succeeded"].as_u64().unwrap() > 0
    };
    let tasks = until(&page, "/api/v1/tasks", |_, body| worked(body));
    assert!(tasks.contains("all converged"), "{tasks}");
    assert!(second.terminate().success());
}

/// A database of the test's own on the server that the runner names.
pub(crate) struct Database {
    admin: String,
    name: String,
    pub(crate) url: String,
}

impl Database {
    pub(crate) fn create(what: &str) -> Self {
        let admin = variable("LOTSE_TEST_POSTGRES");
        let name = format!("lotse_{what}_{}", std::process::id());
        let (server, _) = admin.rsplit_once('/').unwrap();
        let url = format!("{server}/{name}");
        let database = Self { admin: admin.clone(), name, url };
        database.run("CREATE DATABASE");
        database
    }

    fn run(&self, what: &str) {
        let statement = format!("{what} {}", self.name);
        let status = std::process::Command::new("psql")
            .args([&self.admin, "--quiet", "--command", &statement])
            .status()
            .unwrap();
        assert!(status.success(), "{statement}");
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.run("DROP DATABASE");
        }
    }
}

#[test]
#[ignore = "real: browser"]
fn the_page_is_complete_in_a_browser_without_scripts_at_two_widths() {
    let (place, _sim) = Place::harbour("apply", &[], "");
    let daemon = place.serve();
    let page = daemon.page();
    until(&page, "/api/v1/tasks", |_, body| has_run(body));
    let browser = |words: &[&str]| {
        let output = std::process::Command::new(variable("LOTSE_CHROMIUM"))
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-sync"])
            .arg("--disable-component-update")
            .arg(format!("--user-data-dir={}", place.path("browser").display()))
            .args(words)
            .arg(format!("{page}/"))
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let dom = browser(&["--dump-dom"]);
    assert!(dom.contains("images/sim") && dom.contains("succeeded"), "{dom}");
    let scripts = dom.matches("<script").count();
    assert_eq!(scripts, 1, "the one that keeps the page fresh: {dom}");
    for width in [360, 1280] {
        let picture = place.path(&format!("page-{width}.png"));
        let (size, shot) =
            (format!("--window-size={width},900"), format!("--screenshot={}", picture.display()));
        browser(&[&size, &shot]);
        assert!(std::fs::metadata(&picture).is_ok_and(|file| file.len() > 10_000), "no picture");
    }
}

#[test]
fn a_cloud_that_is_gone_fails_the_task_and_not_the_daemon() {
    let (place, sim) = Place::harbour("apply", &[], "");
    sim.kill();
    let daemon = place.serve();
    let page = daemon.page();
    let tasks = until(&page, "/api/v1/tasks", |_, body| has_run(body));
    assert!(tasks.contains(r#""outcome":"failed""#), "{tasks}");
    assert!(tasks.contains(r#""kind":"unavailable""#), "{tasks}");
    assert_eq!(get(&page, "/readyz").0, 200);
    assert!(daemon.terminate().success());
}

#[test]
fn sigterm_amid_an_apply_ends_the_daemon_and_the_next_one_goes_on_without_a_duplicate() {
    let (place, sim) = Place::harbour("apply", &[], "");
    let url = sim.hello["url"].as_str().unwrap();
    // Answers come late, so that the signal hits requests in flight.
    let late = r#"{"service":"image","effect":{"kind":"delay","milliseconds":150}}"#;
    assert_eq!(request(url, "POST", "/_sim/faults", late).0, 201);
    let writes = |body: &str| {
        let found: serde_json::Value = serde_json::from_str(body).unwrap();
        found["writes"].as_u64().unwrap()
    };
    let daemon = place.serve();
    until(url, "/_sim/requests", |_, body| writes(body) >= 5);
    assert!(daemon.terminate().success(), "it drains");
    request(url, "DELETE", "/_sim/faults", "");

    let daemon = place.serve();
    let page = daemon.page();
    let images = until(&page, "/api/v1/images", |_, body| body.contains(r#""converged":7"#));
    assert!(!images.contains("missing") && !images.contains("foreign"), "{images}");
    let before = writes(&get(url, "/_sim/requests").1);
    let declared = example("images");
    let images_path = declared.to_str().unwrap();
    assert_eq!(
        place.run_on_sim(&["image", "plan", "--images", images_path, "--detailed-exitcode"]).code,
        Some(0)
    );
    assert_eq!(writes(&get(url, "/_sim/requests").1), before, "nothing is left to do");
    assert!(daemon.terminate().success());
}

/// Names that try to be something else, as YAML writes them, and what must not be on a page.
const HOSTILE: [(&str, &str); 3] = [
    (r#""<script>alert(1)</script>""#, "<script>alert"),
    (r#""a\0b\e[1m\u202Ec""#, "\u{1b}"),
    (r#""x\nimages: 7""#, "\nimages: 7"),
];

#[test]
fn hostile_and_huge_names_in_the_estate_end_in_a_short_complaint_or_harmless_on_the_page() {
    let good = std::fs::read_to_string(example("images").join("debian.yml")).unwrap();
    let huge = format!("\"{}\"", "x".repeat(1 << 20));
    let all = HOSTILE.into_iter().chain([(&*huge, "xxxxxxxxxx".repeat(60).leak() as &str)]);
    for (name, bad) in all {
        let place = Place::new();
        let _sim = place.simulate(&[]);
        place.write(
            "images/debian.yml",
            &good.replacen("name: Debian 12", &format!("name: {name}"), 1),
        );
        place.write(
            "lotse.yaml",
            "listen: 127.0.0.1:0\nstate_directory: state\nclouds_file: clouds.yaml\nimages:\n  \
             path: images\n  clouds: [sim]\n  policy: propose\n  period: 1h\n",
        );
        let daemon = place.serve();
        let page = daemon.page();
        let tasks = until(&page, "/api/v1/tasks", |_, body| has_run(body));
        assert!(tasks.len() < 20_000, "{} bytes", tasks.len());
        assert_eq!(get(&page, "/readyz").0, 200);
        for path in ["/", "/tasks", "/images", "/images/sim", "/changes", "/audit"] {
            let (_, text) = get(&page, path);
            assert!(text.len() < 60_000 && !text.contains(bad), "{path}: {text}");
        }
        assert!(daemon.terminate().success());
    }
}

#[test]
fn logs_are_json_on_request() {
    let (place, _sim) = Place::harbour("apply", &[], "");
    let mut command =
        place.lotse(&["serve", "--config", "lotse.yaml", "--format", "json", "--log-json"]);
    let log = std::fs::File::create(place.path("log")).unwrap();
    let child = {
        command.stdout(std::process::Stdio::piped()).stderr(log);
        command.spawn().unwrap()
    };
    let pid = child.id().to_string();
    let mut child = child;
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(child.stdout.take().unwrap()),
        &mut String::new(),
    )
    .unwrap();
    std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(child.wait().unwrap().success());
    let log = std::fs::read_to_string(place.path("log")).unwrap();
    assert!(log.lines().count() > 1, "{log}");
    for line in log.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(entry["level"].is_string() && entry["timestamp"].is_string(), "{line}");
    }
}

//! Daemons that end while others ask: the drain, and a rolling restart behind a load balancer.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Stdio;

use jiff::Timestamp;
use serde_json::Value;

use crate::balancer::Balancer;
use crate::daemon::Database;
use crate::process::{Place, Server, get, has_run, until};

/// One GET on a connection that is kept; the head of the answer, its body read and dropped.
fn ask(stream: &mut BufReader<TcpStream>, path: &str) -> String {
    write!(stream.get_mut(), "GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let begin = head.len();
        assert_ne!(stream.read_line(&mut head).unwrap(), 0, "closed after {head:?}");
        let line = &head[begin..];
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    std::io::copy(&mut std::io::Read::take(&mut *stream, length), &mut std::io::sink()).unwrap();
    head.to_lowercase()
}

#[test]
fn after_sigterm_requests_are_answered_while_load_balancers_notice() {
    let place = Place::new();
    place.write(
        "lotse.yaml",
        "listen: 127.0.0.1:0\nstate_directory: state\ndrain_notice_seconds: 300\n",
    );
    let daemon =
        Server::start(place.lotse(&["serve", "--config", "lotse.yaml", "--format", "json"]));
    let page = daemon.page();
    let connect =
        || BufReader::new(TcpStream::connect(page.strip_prefix("http://").unwrap()).unwrap());
    let mut kept = connect();
    let head = ask(&mut kept, "/api/v1/tasks");
    assert!(head.starts_with("http/1.1 200") && !head.contains("connection: close"), "{head}");
    daemon.signal("TERM");
    until(&page, "/readyz", |status, _| status == 503);
    // The connection from before: its next request is answered, and it ends with that.
    let head = ask(&mut kept, "/api/v1/tasks");
    assert!(head.starts_with("http/1.1 200") && head.contains("connection: close"), "{head}");
    assert_eq!(std::io::Read::read(&mut kept, &mut [0]).unwrap(), 0, "closed");
    let head = ask(&mut connect(), "/healthz");
    assert!(head.starts_with("http/1.1 200") && head.contains("connection: close"), "{head}");
}

/// Starts a daemon that writes its log as JSON to this file.
fn start(place: &Place, log: &str) -> (Server, String) {
    let mut command = place.lotse(&["serve", "--config", "lotse.yaml", "--format", "json"]);
    command.arg("--log-json");
    let log = File::create(place.path(log)).unwrap();
    let server = Server::start_with(command, Stdio::from(log));
    let page = server.page();
    (server, page)
}

/// When a task worked, and in which log that stands.
#[derive(Debug)]
struct Activation {
    task: String,
    from: Timestamp,
    to: Timestamp,
    log: String,
}

fn activations(place: &Place, log: &str) -> Vec<Activation> {
    let text = std::fs::read_to_string(place.path(log)).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ended = lines.filter(|line| line["task"].is_string() && line["seconds"].is_number());
    ended
        .map(|line| {
            assert_eq!(line["message"], "task ended", "{line}");
            let to: Timestamp = line["timestamp"].as_str().unwrap().parse().unwrap();
            let lasted = jiff::SignedDuration::from_secs_f64(line["seconds"].as_f64().unwrap());
            let task = line["task"].as_str().unwrap().to_owned();
            Activation { task, from: to - lasted, to, log: log.to_owned() }
        })
        .collect()
}

#[test]
#[ignore = "real: postgresql"]
fn a_rolling_restart_fails_no_request_and_each_task_works_at_one_place_at_a_time() {
    const ROUNDS: usize = 2;
    let (place, _sim) = Place::harbour("apply", &["--latency", "0.15"], "");
    let database = Database::create("rolling");
    let url = place.write("postgres-url", &database.url);
    let config = std::fs::read_to_string(place.path("lotse.yaml")).unwrap();
    let config = config.replace("period: 1h", "period: 10s");
    let more =
        format!("drain_notice_seconds: 1\ndatabase:\n  postgres:\n    file: {}\n", url.display());
    place.write("lotse.yaml", &format!("{config}{more}"));

    // Both start at once, so that they want the same tasks at the same time.
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| start(&place, "log-0"));
        let second = start(&place, "log-1");
        (first.join().unwrap(), second)
    });
    let mut logs = vec!["log-0".to_owned(), "log-1".to_owned()];
    let mut daemons = vec![first, second];
    let balancer = Balancer::start();
    let warm = balancer.load(1, &["/healthz"]);
    for (_, page) in &daemons {
        balancer.add(page);
    }
    balancer.stop(warm);
    let load =
        balancer.load(4, &["/", "/api/v1/tasks", "/healthz", "/metrics", "/assets/lotse.css"]);
    for round in 0..ROUNDS {
        for place_in_row in 0..daemons.len() {
            let (old, page) = daemons.remove(0);
            assert!(old.terminate().success(), "round {round}");
            assert!(balancer.remove(&page) > 0, "every instance answers requests");
            let log = format!("log-{round}-{place_in_row}");
            let (new, page) = start(&place, &log);
            balancer.add(&page);
            logs.push(log);
            daemons.push((new, page));
        }
    }
    let (answered, failures) = balancer.stop(load);
    assert!(failures.is_empty(), "{} of {answered} failed: {failures:#?}", failures.len());
    assert!(answered > 50, "the load was no load: {answered}");

    let page = daemons[0].1.clone();
    until(&page, "/api/v1/tasks", |_, body| has_run(body));
    assert_eq!(get(&page, "/readyz").0, 200);
    for (daemon, _) in daemons {
        assert!(daemon.terminate().success());
    }
    let mut all: Vec<_> = logs.iter().flat_map(|log| activations(&place, log)).collect();
    all.sort_by(|one, other| (&one.task, one.from).cmp(&(&other.task, other.from)));
    let images = all.iter().filter(|one| one.task == "images/sim");
    let places: BTreeSet<_> = images.map(|one| &one.log).collect();
    assert!(places.len() >= 2, "the task moved between instances: {all:#?}");
    for pair in all.windows(2).filter(|pair| pair[0].task == pair[1].task) {
        assert!(pair[0].to <= pair[1].from, "at two places at once: {pair:#?}");
    }
}

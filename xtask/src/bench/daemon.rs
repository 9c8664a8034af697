//! Memory of the daemon: `lotse demo` holds the simulated cloud and the daemon in one process.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::measure::{cost, resident};
use super::served::Served;
use super::{Fact, Target, binary};
use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;

/// How long it is watched after its tasks have run.
const WATCHED: Duration = Duration::from_secs(10);
/// How long its tasks may take.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn run(env: &Environment) -> Result<Vec<Fact>, Error> {
    let binary = binary(env)?.display().to_string();
    let once = Job::new(env, binary.as_str()).args(&["demo", "--once", "--listen", "127.0.0.1:0"]);
    let converged = cost(&once)?;
    Ok(vec![
        Fact::new(
            "daemon and simulated cloud with the demo estate, resident",
            memory(&binary)?,
            "MiB",
        )
        .wanted(Target::AtMost(40.0)),
        Fact::new(
            "`lotse demo --once`: started, converged, checked again, ended",
            converged.wall.as_secs_f64(),
            "s",
        )
        .wanted(Target::AtMost(60.0)),
    ])
}

/// The highest resident memory in MiB while the demo idles after its tasks have run.
fn memory(binary: &str) -> Result<f64, Error> {
    let demo =
        Served::start(binary, None, &["demo", "--format", "json", "--listen", "127.0.0.1:0"])?;
    let tasks = demo.hello["tasks"].as_str().map(str::to_owned);
    let tasks = tasks.ok_or_else(|| answer(&demo.hello.to_string()))?;
    let begun = Instant::now();
    while !all_ran(&get(&tasks)?) {
        if begun.elapsed() > PATIENCE {
            return Err(answer("its tasks have not run within a minute"));
        }
        std::thread::park_timeout(Duration::from_millis(100));
    }
    let pid = demo.pid();
    let watching = Instant::now();
    let mut most: f64 = 0.0;
    while watching.elapsed() < WATCHED {
        most = most.max(resident(pid)?);
        std::thread::park_timeout(Duration::from_millis(200));
    }
    Ok(most)
}

/// Whether every task in the answer of the daemon has succeeded at least once.
fn all_ran(body: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(body) else { return false };
    let tasks = document.get("tasks").unwrap_or(&document).as_array();
    tasks.is_some_and(|tasks| {
        !tasks.is_empty() && tasks.iter().all(|task| task["succeeded"].as_u64() > Some(0))
    })
}

fn answer(detail: &str) -> Error {
    Error::Answer { program: "lotse demo".to_owned(), detail: detail.trim().to_owned() }
}

/// The body of `http://HOST:PORT/PATH` on loopback: enough HTTP to ask our own daemon.
fn get(url: &str) -> Result<String, Error> {
    let failed = || Error::file("read", url);
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host).map_err(failed())?;
    let request = format!("GET /{path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed())?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(failed())?;
    Ok(text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_must_have_succeeded() {
        assert!(all_ran(r#"[{"name": "a", "succeeded": 1}, {"name": "b", "succeeded": 2}]"#));
        assert!(all_ran(r#"{"tasks": [{"name": "a", "succeeded": 1}]}"#));
        for not_yet in ["[]", "", r#"[{"succeeded": 0}]"#, r#"[{"succeeded": 1}, {"name": "b"}]"#] {
            assert!(!all_ran(not_yet), "{not_yet}");
        }
    }
}

//! The simulated cloud: how quickly it starts, how much one processor answers, whether it stands a
//! thousand requests at once of which some fail.
//!
//! The server has one processor, the load the other one, so that a rate is what one processor does.
//! The rate by processor time holds on a busy machine, too.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cloud::{Cloud, answer};
use super::load::{self, Tally, request};
use super::measure::{cpu_of, median, millis, resident};
use super::{Fact, Target, binary};
use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;

/// How often it is started.
const STARTS: usize = 20;
/// How long each kind of small request is asked.
const ASKED: Duration = Duration::from_secs(5);
/// How many connections ask small requests.
const FEW: usize = 16;
/// How many requests are in flight in the long run.
const MANY: usize = 1000;
/// How long the long run is, after a warm-up.
const LONG: Duration = Duration::from_mins(1);
const WARM: Duration = Duration::from_secs(20);
/// One in twenty requests fails, each way as often.
const FAULTS: &str = r#"[
    {"probability": 0.01, "seed": 1, "effect": {"kind": "status", "status": 503}},
    {"probability": 0.01, "seed": 2, "effect": {"kind": "too-many-requests", "retry_after": 1}},
    {"probability": 0.01, "seed": 3, "effect": {"kind": "reset-before"}},
    {"probability": 0.01, "seed": 4, "effect": {"kind": "reset-after"}},
    {"probability": 0.01, "seed": 5, "effect": {"kind": "truncate"}}
]"#;

const SERVERS: &str = "/compute/v2.1/servers/detail?all_tenants=1&limit=1000";

pub(super) fn run(env: &Environment) -> Result<Vec<Fact>, Error> {
    let binary = binary(env)?.display().to_string();
    let own = own_processors()?;
    restrict(env, "1")?;
    let facts = measure(env, &binary);
    restrict(env, &own)?;
    facts
}

fn measure(env: &Environment, binary: &str) -> Result<Vec<Fact>, Error> {
    let mut facts = vec![start(binary)?];
    facts.extend(small(binary)?);
    facts.extend(large(binary)?);
    facts.extend(long(env, binary)?);
    Ok(facts)
}

/// The time from starting the program to the first answer.
fn start(binary: &str) -> Result<Fact, Error> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let sim = Cloud::start(binary, Some("0"), &[])?;
        sim.json("GET", "/identity/v3", "", "")?;
        times.push(begun.elapsed());
    }
    let what = format!("start until the first answer, median of {STARTS}");
    Ok(Fact::new(what, millis(median(times)), "ms").wanted(Target::AtMost(50.0)))
}

/// How many small requests one processor answers.
fn small(binary: &str) -> Result<Vec<Fact>, Error> {
    let sim = Cloud::start(binary, Some("0"), &[])?;
    let token = sim.sign_in()?;
    let paths = [
        ("an image", sim.image(&token)?),
        ("a project", sim.project(&token)?),
        ("the versions of Keystone", "/identity/v3".to_owned()),
    ];
    let mut facts = Vec::new();
    for (what, path) in paths {
        let asked = request("GET", &path, &token, "");
        let before = cpu_of(sim.pid())?;
        let begun = Instant::now();
        let tally = load::run(&sim.url, FEW, ASKED, |_, _| &asked).map_err(failed)?;
        let (wall, cpu) = (begun.elapsed(), cpu_of(sim.pid())?.saturating_sub(before));
        if tally.failed() > 0 {
            return Err(answer(&format!("GET {path} failed")));
        }
        let all = number(tally.all());
        facts.push(
            Fact::new(format!("GET of {what}, one processor"), all / wall.as_secs_f64(), "/s")
                .wanted(Target::AtLeast(5000.0)),
        );
        let by_cpu = all / cpu.as_secs_f64();
        facts.push(Fact::new("… for each second of processor time", by_cpu, "/s"));
    }
    Ok(facts)
}

/// What many images and servers cost.
fn large(binary: &str) -> Result<Vec<Fact>, Error> {
    let mut facts = Vec::new();
    for (scale, path, list, most) in [
        ("images=10000", "/image/v2/images?limit=1000", "images", None),
        ("servers=100000", SERVERS, "servers", Some(200.0)),
    ] {
        let sim = Cloud::start(binary, Some("0"), &["--scale", scale])?;
        let token = sim.sign_in()?;
        let begun = Instant::now();
        let mut found = 0;
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let page = sim.json("GET", &path, &token, "")?;
            found += page[list].as_array().map_or(0, Vec::len);
            next = next_page(&page, list);
        }
        let taken = begun.elapsed();
        let (_, wanted) = scale.split_once('=').unwrap_or_default();
        if found.to_string() != wanted {
            return Err(answer(&format!("{found} {list} were listed, not {wanted}")));
        }
        let what = format!("{wanted} {list} listed in pages of 1000");
        facts.push(Fact::new(what, taken.as_secs_f64(), "s"));
        let memory = Fact::new("… resident memory", resident(sim.pid())?, "MiB");
        facts.push(most.map_or(memory.clone(), |most| memory.wanted(Target::AtMost(most))));
    }
    Ok(facts)
}

/// The address of the next page within the server: Glance gives a path, Nova a link.
fn next_page(page: &Value, list: &str) -> Option<String> {
    if let Some(path) = page["next"].as_str() {
        return Some(format!("/image{path}"));
    }
    let link = page[format!("{list}_links")][0]["href"].as_str()?;
    let (_, rest) = link.split_once("://")?;
    rest.find('/').and_then(|at| rest.get(at..)).map(str::to_owned)
}

/// A thousand requests in flight of which one in twenty fails.
fn long(env: &Environment, binary: &str) -> Result<Vec<Fact>, Error> {
    let rules = env.scratch()?.join("bench-sim-faults.json");
    std::fs::write(&rules, FAULTS).map_err(Error::file("write", &rules))?;
    let sim = Cloud::start(binary, Some("0"), &["--faults", &rules.display().to_string()])?;
    let token = sim.sign_in()?;
    let image = sim.image(&token)?;
    let rename = json!([{"op": "replace", "path": "/name", "value": "renamed"}]).to_string();
    let mix = [
        (70, request("GET", &image, &token, "")),
        (85, request("GET", &sim.project(&token)?, &token, "")),
        (95, request("GET", "/image/v2/images?limit=5", &token, "")),
        (100, request("PATCH", &image, &token, &rename)),
    ];
    let choose = |connection: usize, number: u64| -> &[u8] {
        // Each connection begins elsewhere in the mix and goes through all of it.
        let place = (connection as u64 * 37 + number * 61) % 100;
        mix.iter().find(|(below, _)| place < *below).map_or(&[], |(_, asked)| asked)
    };
    anstream::println!("  {MANY} requests in flight, {} s", (WARM + LONG).as_secs());
    // Changes only: the events of which the last 100,000 are remembered are to be there before.
    let change = request("PATCH", &image, &token, &rename);
    load::run(&sim.url, MANY, WARM, |_, _| &change).map_err(failed)?;
    let files = sim.idle_files()?;
    let memory = resident(sim.pid())?;
    let tally = load::run(&sim.url, MANY, LONG, choose).map_err(failed)?;
    let files_after = sim.idle_files()?;
    let memory_after = resident(sim.pid())?;
    Ok(facts_of_the_long_run(&tally, (memory, memory_after), (files, files_after)))
}

fn facts_of_the_long_run(
    tally: &Tally,
    (memory, memory_after): (f64, f64),
    (files, files_after): (u64, u64),
) -> Vec<Fact> {
    let all = number(tally.all());
    let what = format!("{MANY} requests in flight for {} s, answered", LONG.as_secs());
    vec![
        Fact::new(what, all / LONG.as_secs_f64(), "/s"),
        Fact::new(
            "… of which failed as the fault rules say",
            number(tally.failed()) / all * 100.0,
            "%",
        ),
        Fact::new("… resident memory before", memory, "MiB"),
        Fact::new("… growth of it", (memory_after - memory).max(0.0), "MiB")
            .wanted(Target::AtMost(10.0)),
        Fact::new(
            "… more open files after than before",
            number(files_after.saturating_sub(files)),
            "files",
        )
        .wanted(Target::AtMost(0.0)),
    ]
}

/// The processors this process may use, as `taskset` writes them.
pub(super) fn own_processors() -> Result<String, Error> {
    let path = "/proc/self/status";
    let text = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
    let list = text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.map(|list| list.trim().to_owned()).ok_or_else(|| answer("no list of processors"))
}

/// From now on all threads of this process, and what it starts, use these processors only.
pub(super) fn restrict(env: &Environment, processors: &str) -> Result<(), Error> {
    let pid = std::process::id().to_string();
    Job::new(env, "taskset").args(&["-acp", processors, &pid]).output().map(drop)
}

#[expect(clippy::cast_precision_loss, reason = "a count of requests needs no last digit")]
pub(super) const fn number(count: u64) -> f64 {
    count as f64
}

fn failed(source: std::io::Error) -> Error {
    Error::Start { program: "the load".to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_in_both_forms() {
        let glance = json!({"images": [], "next": "/v2/images?marker=1"});
        assert_eq!(next_page(&glance, "images").as_deref(), Some("/image/v2/images?marker=1"));
        let href = "http://127.0.0.1:1/compute/v2.1/servers?marker=1";
        let nova = json!({"servers": [], "servers_links": [{"rel": "next", "href": href}]});
        let next = next_page(&nova, "servers");
        assert_eq!(next.as_deref(), Some("/compute/v2.1/servers?marker=1"));
        assert_eq!(next_page(&json!({"servers": []}), "servers"), None);
    }
}

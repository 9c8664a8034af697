//! The simulated cloud: how quickly it starts, how much one processor answers, whether it stands a
//! thousand requests at once of which some fail.
//!
//! The server has one processor, the load the other one, so that a rate is what one processor does.
//! The rate by processor time holds on a busy machine, too.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::load::{self, Client, Tally, request};
use super::measure::{cpu_of, median, millis, open_files, resident};
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

/// How often a request is repeated that a fault rule has hit.
const TRIES: usize = 20;
/// Tenths of a second until closed connections are gone.
const CLOSING: u32 = 20;
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
        let sim = Sim::start(binary, &[])?;
        sim.json("GET", "/identity/v3", "", "")?;
        times.push(begun.elapsed());
    }
    let what = format!("start until the first answer, median of {STARTS}");
    Ok(Fact::new(what, millis(median(times)), "ms").wanted(Target::AtMost(50.0)))
}

/// How many small requests one processor answers.
fn small(binary: &str) -> Result<Vec<Fact>, Error> {
    let sim = Sim::start(binary, &[])?;
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
        let sim = Sim::start(binary, &["--scale", scale])?;
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
    let sim = Sim::start(binary, &["--faults", &rules.display().to_string()])?;
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
    load::run(&sim.url, MANY, WARM, choose).map_err(failed)?;
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

/// A simulated cloud on the first processor, ended whatever happens.
struct Sim {
    child: Child,
    url: String,
}

impl Sim {
    fn start(binary: &str, extra: &[&str]) -> Result<Self, Error> {
        let child = Command::new("taskset")
            .args(["-c", "0", binary, "sim", "--format", "json", "--listen", "127.0.0.1:0"])
            .args(extra)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| Error::Start { program: "taskset".to_owned(), source })?;
        let mut sim = Self { child, url: String::new() };
        let mut said = String::new();
        if let Some(stdout) = &mut sim.child.stdout {
            let mut lines = BufReader::new(stdout);
            // A pretty-printed object goes on over several lines.
            while serde_json::from_str::<Value>(&said).is_err() {
                let read = lines.read_line(&mut said);
                if read.map_err(Error::file("read", "the output of lotse sim"))? == 0 {
                    return Err(answer("it ended before it was ready"));
                }
            }
        }
        let hello: Value = serde_json::from_str(&said).unwrap_or_default();
        sim.url = text(&hello["url"]);
        Ok(sim)
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks until it is answered well: fault rules may be in force.
    fn ask(&self, asked: &[u8]) -> Result<load::Answer, Error> {
        let mut client = Client::new(&self.url);
        let mut last = String::new();
        for _ in 0..TRIES {
            match client.ask(asked) {
                Ok(answer) if answer.status < 300 => return Ok(answer),
                Ok(answer) => {
                    last = format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
                }
                Err(error) => last = error.to_string(),
            }
        }
        Err(answer(&last))
    }

    fn json(&self, method: &str, path: &str, token: &str, body: &str) -> Result<Value, Error> {
        let answered = self.ask(&request(method, path, token, body))?;
        serde_json::from_slice(&answered.body).map_err(|error| answer(&error.to_string()))
    }

    /// A token of the administrator.
    fn sign_in(&self) -> Result<String, Error> {
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": "admin", "domain": {"id": "default"}, "password": "sim",
            }}},
            "scope": {"project": {"name": "admin", "domain": {"id": "default"}}},
        }});
        let asked = request("POST", "/identity/v3/auth/tokens", "", &body.to_string());
        self.ask(&asked)?.token.ok_or_else(|| answer("no token"))
    }

    /// The path of a new image.
    fn image(&self, token: &str) -> Result<String, Error> {
        let body = json!({
            "name": "bench", "disk_format": "qcow2", "container_format": "bare",
            "os_distro": "debian", "tags": ["bench"],
        });
        let made = self.json("POST", "/image/v2/images", token, &body.to_string())?;
        Ok(format!("/image/v2/images/{}", text(&made["id"])))
    }

    /// The path of the administrator's project.
    fn project(&self, token: &str) -> Result<String, Error> {
        let own = self.json("GET", "/identity/v3/auth/projects", token, "")?;
        Ok(format!("/identity/v3/projects/{}", text(&own["projects"][0]["id"])))
    }

    /// How many files it has open when the connections that were closed are gone.
    fn idle_files(&self) -> Result<u64, Error> {
        let mut least = open_files(self.pid())?;
        for _ in 0..CLOSING {
            std::thread::park_timeout(Duration::from_millis(100));
            least = least.min(open_files(self.pid())?);
        }
        Ok(least)
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The processors this process may use, as `taskset` writes them.
fn own_processors() -> Result<String, Error> {
    let path = "/proc/self/status";
    let text = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
    let list = text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.map(|list| list.trim().to_owned()).ok_or_else(|| answer("no list of processors"))
}

/// From now on all threads of this process, and what it starts, use these processors only.
fn restrict(env: &Environment, processors: &str) -> Result<(), Error> {
    let pid = std::process::id().to_string();
    Job::new(env, "taskset").args(&["-acp", processors, &pid]).output().map(drop)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[expect(clippy::cast_precision_loss, reason = "a count of requests needs no last digit")]
const fn number(count: u64) -> f64 {
    count as f64
}

fn failed(source: std::io::Error) -> Error {
    Error::Start { program: "the load".to_owned(), source }
}

fn answer(detail: &str) -> Error {
    Error::Answer { program: "lotse sim".to_owned(), detail: detail.trim().to_owned() }
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

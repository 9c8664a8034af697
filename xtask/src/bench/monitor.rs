//! The compliance monitor: pages with ten million results behind them, and uploads.
//!
//! On PostgreSQL, because only there so many results are kept. Lotse has one processor; PostgreSQL
//! and the load have the other one. Uploads are signed before the clock starts; each is verified,
//! stored and shown before it is answered.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::load::{self, Client};
use super::measure::{cpu_of, millis, resident};
use super::served::Served;
use super::sim::{number, own_processors, restrict};
use super::{Fact, Target, binary};
use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;

/// Results there are.
const RESULTS: usize = 10_000_000;
/// Whom they are about.
const SUBJECTS: usize = 50;
/// Uploads of each form that are sent.
const UPLOADS: usize = 2_000;
/// Connections that send them.
const SENDERS: usize = 32;
/// How long a page is asked for.
const ASKED: Duration = Duration::from_secs(10);
const CONNECTIONS: u32 = 16;

const SCOPE: &str = "50393e6f-2ae1-4c5c-a62c-3b75f2abef3f";
/// Opens nothing but the server of this benchmark; in [`BASIC`] it stands behind `bench:`.
const PASSWORD: &str = "a password of the benchmark";
const BASIC: &str = "YmVuY2g6YSBwYXNzd29yZCBvZiB0aGUgYmVuY2htYXJr";

/// How reports are written.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Yaml,
}

impl Form {
    const fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Yaml => "yaml",
        }
    }
}

/// What is measured, and where.
struct Scene {
    url: String,
    directory: PathBuf,
    served: Served,
    /// The processes of PostgreSQL are the children of this one.
    postmaster: u32,
    testcases: Vec<String>,
}

pub(super) fn run(env: &Environment) -> Result<Vec<Fact>, Error> {
    let binary = binary(env)?.display().to_string();
    let directory = env.scratch()?.join("bench-monitor");
    if directory.exists() {
        std::fs::remove_dir_all(&directory).map_err(Error::file("remove", &directory))?;
    }
    std::fs::create_dir_all(&directory).map_err(Error::file("create", &directory))?;
    let own = own_processors()?;
    restrict(env, "1")?;
    let database = format!("/var/tmp/lotse-postgres-bench-{}", std::process::id());
    let server = |verb: &str| {
        let script = env.root.join("testbed/postgres.sh").display().to_string();
        Job::new(env, script).args(&[verb]).var("LOTSE_POSTGRES_DIR", &database).output()
    };
    let measured = server("up").and_then(|said| {
        let admin = said.lines().last().unwrap_or_default();
        let scene = Scene::set(env, &binary, directory, (admin, Path::new(&database)))?;
        scene.measure(env)
    });
    let ended = server("down");
    restrict(env, &own)?;
    let facts = measured?;
    ended.map(|_| facts)
}

impl Scene {
    /// Fills a database, and starts a daemon on it.
    fn set(
        env: &Environment,
        binary: &str,
        directory: PathBuf,
        (admin, place): (&str, &Path),
    ) -> Result<Self, Error> {
        let psql = |url: &str| Job::new(env, "psql").args(&["-q", "-v", "ON_ERROR_STOP=1", url]);
        psql(admin).args(&["-c", "CREATE DATABASE monitor"]).output()?;
        let server = admin.rsplit_once('/').map_or(admin, |(server, _)| server);
        let database = format!("{server}/monitor");
        let (config, port) = configure(env, &directory, &database)?;
        let serve = || {
            let arguments = ["serve", "--config", &config, "--format", "json"];
            Served::start(binary, Some("0"), &arguments)
        };
        // The first start makes the tables.
        drop(serve()?);
        let testcases = testcases(env)?;
        let values: Vec<_> = testcases.iter().map(|id| format!("('{id}')")).collect();
        let values = values.join(",");
        let table =
            format!("CREATE TABLE bench_testcase AS SELECT * FROM (VALUES {values}) t (id)");
        psql(&database).args(&["-c", &table]).output()?;
        let reports = format!("reports={}", RESULTS.div_ceil(testcases.len()));
        let (scope, subjects) = (format!("scope={SCOPE}"), format!("subjects={SUBJECTS}"));
        let script = env.root.join("xtask/src/bench/monitor.sql").display().to_string();
        psql(&database)
            .args(&["-v", &reports, "-v", &subjects, "-v", &scope, "-f", &script])
            .output()?;
        let path = place.join("data/postmaster.pid");
        let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        let postmaster = text.lines().next().and_then(|line| line.trim().parse().ok());
        Ok(Self {
            url: format!("http://127.0.0.1:{port}"),
            directory,
            served: serve()?,
            postmaster: postmaster.ok_or_else(|| wrong(&format!("{}: {text}", path.display())))?,
            testcases,
        })
    }

    fn measure(&self, env: &Environment) -> Result<Vec<Fact>, Error> {
        let mut facts = Vec::new();
        let wanted = Target::AtMost(10.0);
        for (what, path, rate) in [
            ("overview", "/".to_owned(), 200),
            // A subject is some 40 kB of it.
            ("`/status` of all subjects", "/status".to_owned(), 50),
        ] {
            facts.extend(self.page(what, &path, rate)?);
            facts.last_mut().into_iter().for_each(|fact| fact.target = Some(wanted));
        }
        let path = format!("/page/detail/subject-7/{SCOPE}");
        facts.extend(self.page("a subject in detail", &path, 50)?);
        for form in [Form::Json, Form::Yaml] {
            facts.extend(self.uploads(env, form)?);
        }
        facts.push(Fact::new("resident memory", resident(self.served.pid())?, "MiB"));
        Ok(facts)
    }

    /// The first answer, and the slowest hundredth at a steady rate.
    fn page(&self, what: &str, path: &str, rate: u32) -> Result<Vec<Fact>, Error> {
        let asked = request("GET", path, "", "");
        let begun = Instant::now();
        let first = Client::new(&self.url).ask(&asked).map_err(failed)?;
        let took = begun.elapsed();
        let (tally, mut times) = load::pace(&self.url, CONNECTIONS, rate, ASKED, |_| &asked);
        if tally.failed() > 0 || first.status != 200 {
            return Err(wrong(&format!("GET {path} failed")));
        }
        times.sort_unstable();
        let slowest = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
        let size = first.body.len() / 1000;
        Ok(vec![
            Fact::new(format!("{what} ({size} kB): the first answer"), millis(took), "ms"),
            Fact::new(format!("… 99 of 100 at {rate} requests/s within"), millis(slowest), "ms"),
        ])
    }

    /// Signed reports of all testcases, sent over several connections.
    fn uploads(&self, env: &Environment, form: Form) -> Result<Vec<Fact>, Error> {
        let signed = self.signed(env, form)?;
        let requests: Vec<_> = signed.iter().map(|body| upload(form, body)).collect();
        let (cpu, others) = (cpu_of(self.served.pid())?, self.cpu_of_postgres(env)?);
        let begun = Instant::now();
        let refused = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for part in requests.chunks(requests.len().div_ceil(SENDERS)) {
                let refused = &refused;
                scope.spawn(move || {
                    let mut client = Client::new(&self.url);
                    for request in part {
                        let taken = client.ask(request).is_ok_and(|answer| answer.status == 200);
                        refused.fetch_add(usize::from(!taken), Ordering::Relaxed);
                    }
                });
            }
        });
        let took = begun.elapsed();
        let cpu = cpu_of(self.served.pid())?.saturating_sub(cpu);
        let others = self.cpu_of_postgres(env)?.saturating_sub(others);
        let refused = refused.into_inner();
        if refused > 0 {
            return Err(wrong(&format!("{refused} uploads were refused")));
        }
        let count = number(UPLOADS as u64);
        let size = signed.first().map_or(0, String::len) / 1000;
        let what = format!("uploads of {size} kB ({}), verified and stored", form.word());
        Ok(vec![
            Fact::new(what, count / took.as_secs_f64(), "/s"),
            Fact::new("… for each second of a processor", count / cpu.as_secs_f64(), "/s")
                .wanted(Target::AtLeast(1000.0)),
            Fact::new("… processor time of PostgreSQL for each", millis(others) / count, "ms"),
        ])
    }

    /// Processor time of the backends and writers there are.
    fn cpu_of_postgres(&self, env: &Environment) -> Result<Duration, Error> {
        let pids = Job::new(env, "pgrep").args(&["-P", &self.postmaster.to_string()]).output()?;
        pids.lines().filter_map(|line| line.trim().parse().ok()).map(cpu_of).sum()
    }

    fn signed(&self, env: &Environment, form: Form) -> Result<Vec<String>, Error> {
        let now = Job::new(env, "date").args(&["-u", "+%Y-%m-%dT%H:%M:%S"]).output()?;
        let key = self.directory.join("key").display().to_string();
        let name = |place: usize| self.directory.join(format!("{}-{place}", form.word()));
        let mut reports = Vec::with_capacity(UPLOADS);
        for place in 0..UPLOADS {
            let report = self.report(form, now.trim(), place);
            let path = name(place);
            std::fs::write(&path, &report).map_err(Error::file("write", &path))?;
            reports.push(report);
        }
        let names: Vec<_> = (0..UPLOADS).map(|place| name(place).display().to_string()).collect();
        for some in names.chunks(500) {
            let sign = ["-q", "-Y", "sign", "-f", &key, "-n", "report"];
            Job::new(env, "ssh-keygen").args(&sign).args(some).output()?;
        }
        let read = |(place, report): (usize, &String)| {
            let path = name(place).with_extension("sig");
            let signature = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
            Ok(format!("{signature}&{report}"))
        };
        reports.iter().enumerate().map(read).collect()
    }

    /// A report with the lines that upstream's tools write.
    fn report(&self, form: Form, now: &str, place: usize) -> String {
        let id = match form {
            Form::Json => format!("01985a3c-3333-7000-8000-{place:012x}"),
            Form::Yaml => format!("01985a3c-4444-7000-8000-{place:012x}"),
        };
        let results: serde_json::Map<_, _> =
            self.testcases.iter().map(|id| (id.clone(), json!(1))).collect();
        let lines: Vec<_> = self.testcases.iter().map(|id| format!("{id}: PASS")).collect();
        if matches!(form, Form::Json) {
            let invocation = json!({ "id": "a", "results": results, "stdout": lines });
            return json!({
                "spec": { "uuid": SCOPE }, "checked_at": now, "subject": "bench",
                "run": { "uuid": id, "invocations": { "a": invocation } },
            })
            .to_string();
        }
        let results: Vec<_> = results.keys().map(|id| format!("        {id}: 1\n")).collect();
        let lines: Vec<_> = lines.iter().map(|line| format!("      - '{line}'\n")).collect();
        let (results, lines) = (results.concat(), lines.concat());
        format!(
            "spec:\n  uuid: {SCOPE}\nchecked_at: {now}\nsubject: bench\nrun:\n  uuid: {id}\n  \
             invocations:\n    a:\n      id: a\n      results:\n{results}      stdout:\n{lines}"
        )
    }
}

/// Writes the configuration; its path, and the port on which the monitor will listen.
fn configure(env: &Environment, directory: &Path, database: &str) -> Result<(String, u16), Error> {
    let key = directory.join("key").display().to_string();
    Job::new(env, "ssh-keygen").args(&["-q", "-t", "ed25519", "-N", "", "-f", &key]).output()?;
    let path = directory.join("key.pub");
    let public = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let port = port.map_err(failed)?.port();
    let config = format!(
        "listen: 127.0.0.1:0\nstate_directory: state\ndatabase: {{ postgres: {{ file: database }} }}\n\
         conformance:\n  listen: 127.0.0.1:{port}\n  accounts:\n\
         \x20   - subject: bench\n      password: {{ file: password }}\n      keys: [\"{}\"]\n",
        public.trim()
    );
    for (name, text) in [("lotse.yaml", &*config), ("database", database), ("password", PASSWORD)] {
        let path = directory.join(name);
        std::fs::write(&path, text).map_err(Error::file("write", &path))?;
        // Secrets are read from files that are nobody else's.
        Job::new(env, "chmod").args(&["600".to_owned(), path.display().to_string()]).output()?;
    }
    Ok((directory.join("lotse.yaml").display().to_string(), port))
}

/// The testcases that the built-in profile knows and its newest stable version demands.
fn testcases(env: &Environment) -> Result<Vec<String>, Error> {
    let path = env.root.join("crates/conformance/profiles/scs-iaas.yaml");
    let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    let is_id = |word: &&str| word.starts_with("scs-0") && !word.contains("-v");
    let words = text.split(|mark: char| mark.is_whitespace() || "[],:{}\"'/".contains(mark));
    let ids: std::collections::BTreeSet<_> = words.filter(is_id).map(str::to_owned).collect();
    // A report of the community's tools has about so many.
    Ok(ids.into_iter().take(54).collect())
}

fn upload(form: Form, body: &str) -> Vec<u8> {
    let kind = form.word();
    let headers =
        format!("Authorization: Basic {BASIC}\r\nContent-Type: application/x-signed-{kind}\r\n");
    request("POST", "/reports", &headers, body)
}

fn request(method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn failed(source: std::io::Error) -> Error {
    Error::Start { program: "the load".to_owned(), source }
}

fn wrong(detail: &str) -> Error {
    Error::Answer { program: "lotse serve".to_owned(), detail: detail.to_owned() }
}

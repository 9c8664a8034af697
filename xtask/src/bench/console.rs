//! The console with much in it: how long its pages take at a steady rate, what the daemon needs.
//!
//! The daemon has one processor; the simulated cloud it looks at and the load have the other one.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cloud::{Cloud, text};
use super::load::{self, Client};
use super::measure::{median, millis, resident};
use super::served::Served;
use super::sim::{own_processors, restrict};
use super::{Fact, Target, binary};
use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;

/// How many images the cloud has, each of which the estate declares.
const IMAGES: u32 = 10_000;
const AUDIT: &str = "100000";
/// Requests a second, over so many connections.
const RATE: u32 = 200;
const CONNECTIONS: u32 = 16;
const WARM: Duration = Duration::from_secs(5);
const MEASURED: Duration = Duration::from_secs(30);
/// How often the daemon is started.
const STARTS: usize = 5;
/// How long the first look at all images may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// The pages, each asked for as often as the others.
const PAGES: [&str; 9] = [
    "/",
    "/images",
    "/images/sim",
    "/images/sim?name=image-0001",
    "/changes",
    "/tasks",
    "/audit",
    "/audit?action=image.update",
    "/tokens",
];

pub(super) fn run(env: &Environment) -> Result<Vec<Fact>, Error> {
    let binary = binary(env)?.display().to_string();
    let place = env.scratch()?.join("bench-console");
    if place.exists() {
        std::fs::remove_dir_all(&place).map_err(Error::file("remove", &place))?;
    }
    std::fs::create_dir_all(&place).map_err(Error::file("create", &place))?;
    let clouds = place.join("clouds.yaml").display().to_string();
    let scale = format!("images={IMAGES}");
    let extra = ["--scale", &scale, "--write-clouds", &clouds];
    let _cloud = Cloud::start(&binary, Some("1"), &extra)?;
    let config = declare(&place)?;
    let state = place.join("state").display().to_string();
    Job::cargo(env, &["run", "--quiet", "--locked", "--package", "lotse-store", "--example"])
        .args(&["fill-audit-log", "--", &state, AUDIT])
        .run_visible()?;
    let mut starts = Vec::new();
    for _ in 1..STARTS {
        starts.push(Daemon::start(&binary, &config)?.ready_after);
    }
    let daemon = Daemon::start(&binary, &config)?;
    starts.push(daemon.ready_after);
    let mut facts = vec![
        Fact::new(
            format!("start until `/readyz` says so, median of {STARTS}"),
            millis(median(starts)),
            "ms",
        )
        .wanted(Target::AtMost(300.0)),
    ];
    let own = own_processors()?;
    restrict(env, "1")?;
    let measured = pages(&daemon);
    restrict(env, &own)?;
    facts.extend(measured?);
    Ok(facts)
}

fn pages(daemon: &Daemon) -> Result<Vec<Fact>, Error> {
    let cookie = daemon.sign_in()?;
    let asked = PAGES.map(|page| daemon.page(page, &cookie));
    let mut client = Client::new(&daemon.url);
    let mut first = 0;
    for (page, asked) in PAGES.iter().zip(&asked) {
        let answered = client.ask(asked).map_err(Error::file("read", page))?;
        if answered.status != 200 {
            return Err(answer(&format!("GET {page}: {}", answered.status)));
        }
        first = if *page == "/" { answered.body.len() } else { first };
    }
    let compared = daemon.wait_for_the_first_look(&cookie)?;
    let choose = |number: u64| -> &[u8] {
        let place = usize::try_from(number).unwrap_or(0) % asked.len();
        asked.get(place).map_or(&[], Vec::as_slice)
    };
    load::pace(&daemon.url, CONNECTIONS, RATE, WARM, choose);
    let (tally, mut times) = load::pace(&daemon.url, CONNECTIONS, RATE, MEASURED, choose);
    if tally.failed() > 0 {
        return Err(answer(&format!("{} requests failed", tally.failed())));
    }
    times.sort_unstable();
    let late = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
    let what = format!(
        "pages at {RATE} requests/s with {IMAGES} images and {AUDIT} audit entries, one processor, \
         median of {}",
        times.len()
    );
    #[expect(clippy::cast_precision_loss, reason = "a size in kB needs no last byte")]
    let first = first as f64 / 1000.0;
    Ok(vec![
        Fact::new(what, millis(median(times)), "ms"),
        Fact::new("… 99 of 100 within", millis(late), "ms").wanted(Target::AtMost(20.0)),
        Fact::new("… resident memory of the daemon", resident(daemon.served.pid())?, "MiB")
            .wanted(Target::AtMost(60.0)),
        Fact::new(format!("{IMAGES} definitions compared with the cloud"), compared, "s"),
        Fact::new("first page, compressed", first, "kB").wanted(Target::AtMost(40.0)),
    ])
}

/// Writes an estate that declares every image of the cloud, and the configuration.
fn declare(place: &Path) -> Result<PathBuf, Error> {
    let image = |number: u32| {
        format!(
            "  - name: image-{number:06}\n    format: qcow2\n    login: debian\n    min_disk: 10\n    \
             min_ram: 512\n    status: active\n    visibility: public\n    multi: false\n    meta:\n      \
             os_distro: debian\n      os_version: '13'\n    versions:\n      - version: '1'\n        \
             url: http://127.0.0.1/image-{number:06}.qcow2\n"
        )
    };
    let images = format!("images:\n{}", (1..=IMAGES).map(image).collect::<Vec<_>>().concat());
    let write = |name: &str, text: &str| {
        let path = place.join(name);
        std::fs::write(&path, text).map_err(Error::file("write", &path)).map(|()| path)
    };
    write("images.yml", &images)?;
    write(
        "lotse.yaml",
        "listen: 127.0.0.1:0\nstate_directory: state\nclouds_file: clouds.yaml\naccess:\n  \
         requests_per_minute: 1000000\nimages:\n  path: images.yml\n  clouds: [sim]\n  policy: \
         observe\n  period: 1h\n",
    )
}

/// A daemon on the first processor, ended whatever happens.
struct Daemon {
    served: Served,
    url: String,
    /// The secret of the link that signs in.
    key: String,
    ready_after: Duration,
}

impl Daemon {
    fn start(binary: &str, config: &Path) -> Result<Self, Error> {
        let begun = Instant::now();
        let config = config.display().to_string();
        let arguments = ["serve", "--format", "json", "--config", &config];
        let served = Served::start(binary, Some("0"), &arguments)?;
        let url = text(&served.hello["page"]).trim_end_matches('/').to_owned();
        let link = text(&served.hello["sign_in"]);
        let key = link.split_once("key=").map_or_else(String::new, |(_, key)| key.to_owned());
        let mut daemon = Self { served, url, key, ready_after: Duration::ZERO };
        while daemon.status("/readyz") != Some(200) {
            if begun.elapsed() > PATIENCE {
                return Err(answer("it does not become ready"));
            }
        }
        daemon.ready_after = begun.elapsed();
        Ok(daemon)
    }

    fn status(&self, path: &str) -> Option<u16> {
        Client::new(&self.url).ask(&self.page(path, "")).ok().map(|answer| answer.status)
    }

    /// A request for a page, as a browser sends it.
    fn page(&self, path: &str, cookie: &str) -> Vec<u8> {
        let host = self.url.trim_start_matches("http://");
        format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nAccept: text/html\r\n\
             Accept-Encoding: gzip\r\n\r\n"
        )
        .into_bytes()
    }

    /// Signs in with the link; the cookie.
    fn sign_in(&self) -> Result<String, Error> {
        let host = self.url.trim_start_matches("http://");
        let body = format!("key={}", self.key);
        let asked = format!(
            "POST /sign-in/link HTTP/1.1\r\nHost: {host}\r\nOrigin: {}\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.url,
            body.len()
        );
        let failed = Error::file("sign in at", &self.url);
        let answered = Client::new(&self.url).ask(asked.as_bytes()).map_err(failed)?;
        answered.cookie.ok_or_else(|| answer("signing in gave no cookie"))
    }

    /// Waits until the images were compared once; how long that took.
    fn wait_for_the_first_look(&self, cookie: &str) -> Result<f64, Error> {
        let asked = self.page("/api/v1/tasks", cookie);
        let begun = Instant::now();
        loop {
            let read = Client::new(&self.url).ask(&plain(&asked));
            let answered = read.map_err(Error::file("read", "/api/v1/tasks"))?;
            let tasks: Value = serde_json::from_slice(&answered.body).unwrap_or_default();
            let list = tasks["tasks"].as_array().or_else(|| tasks["items"].as_array());
            let images = list.and_then(|list| {
                list.iter().find(|task| text(&task["name"]).starts_with("images"))
            });
            if let Some(seconds) = images.and_then(|task| task["last"]["seconds"].as_f64()) {
                return Ok(seconds);
            }
            if begun.elapsed() > PATIENCE {
                return Err(answer(&format!("the images are not looked at: {tasks}")));
            }
            std::thread::park_timeout(Duration::from_millis(200));
        }
    }
}

/// The same request, for an answer that is not compressed.
fn plain(asked: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(asked).replace("Accept-Encoding: gzip\r\n", "").into_bytes()
}

fn answer(detail: &str) -> Error {
    Error::Answer { program: "lotse serve".to_owned(), detail: detail.trim().to_owned() }
}

//! The status page: what a read costs, how soon a write is seen, how much a large page needs.
//!
//! The server has one processor, the load the other one, so that a rate is what one processor does.
//! Costs per request are taken from the processor time of the server; they hold on a busy machine,
//! too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::load::{self, Client};
use super::measure::{cpu_of, median, millis, resident};
use super::served::Served;
use super::sim::{number, own_processors, restrict};
use super::{Fact, Target, binary};
use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;

/// How often it is started.
const STARTS: usize = 10;
/// How long each kind of request is asked.
const ASKED: Duration = Duration::from_secs(4);
/// How many connections ask.
const FEW: usize = 16;
/// The steady rate, requests a second.
const RATE: u32 = 5000;
/// How many writes are watched.
const WRITES: usize = 50;
/// Seconds of a day.
const DAY: u64 = 86_400;

/// A page that is measured.
struct Page {
    components: usize,
    incidents: usize,
    /// Over how many days they are spread, up to now.
    days: u64,
}

const USUAL: Page = Page { components: 20, incidents: 200, days: 89 };
const LARGE: Page = Page { components: 1000, incidents: 10_000, days: 1800 };

pub(super) fn run(env: &Environment) -> Result<Vec<Fact>, Error> {
    let binary = binary(env)?.display().to_string();
    let own = own_processors()?;
    restrict(env, "1")?;
    let facts = measure(env, &binary);
    restrict(env, &own)?;
    facts
}

fn measure(env: &Environment, binary: &str) -> Result<Vec<Fact>, Error> {
    let directory = env.target.join("bench-status");
    if directory.exists() {
        std::fs::remove_dir_all(&directory).map_err(Error::file("remove", &directory))?;
    }
    std::fs::create_dir_all(&directory).map_err(Error::file("create", &directory))?;
    let mut facts = usual(env, binary, &directory)?;
    facts.extend(large(env, binary, &directory)?);
    Ok(facts)
}

/// The page that most clouds have.
fn usual(env: &Environment, binary: &str, directory: &Path) -> Result<Vec<Fact>, Error> {
    let database = filled(env, binary, directory, "usual", &USUAL)?;
    let (served, url) = serve(binary, &database)?;
    let mut client = Client::new(&url);
    let list = window(USUAL.days + 1)?;
    let id = first_incident(&mut client, &list)?;
    let mut facts = Vec::new();
    let size = kilobytes(body(&mut client, &list, "identity")?.len());
    facts.push(Fact::new("list of 200 incidents in 90 days", size, "kB"));
    facts.push(
        cost(&served, &url, "… processor time of a request", &list, "identity")?
            .wanted(Target::AtMost(0.15)),
    );
    for (what, path) in [
        ("GET /components", "/components".to_owned()),
        ("GET /phases", "/phases".to_owned()),
        ("GET of an incident", format!("/incidents/{id}")),
        ("GET of its updates", format!("/incidents/{id}/updates")),
    ] {
        let what = format!("{what}, processor time");
        facts.push(cost(&served, &url, &what, &path, "identity")?.wanted(Target::AtMost(0.03)));
    }
    let size = kilobytes(body(&mut client, "/en/", "br")?.len());
    facts.push(Fact::new("first page, compressed", size, "kB").wanted(Target::AtMost(40.0)));
    facts.push(rate(&served, &url, "/en/")?.wanted(Target::AtLeast(15_000.0)));
    facts.push(steady(&url, &[&list, "/components", "/en/", "/phases", "/feed.atom"])?);
    Ok(facts)
}

/// Ten thousand incidents and a thousand components.
fn large(env: &Environment, binary: &str, directory: &Path) -> Result<Vec<Fact>, Error> {
    let database = filled(env, binary, directory, "large", &LARGE)?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let (_served, url) = serve(binary, &database)?;
        body(&mut Client::new(&url), "/phases", "identity")?;
        times.push(begun.elapsed());
    }
    let what = "10 000 incidents, 1 000 components: start until the first answer";
    let mut facts =
        vec![Fact::new(what, millis(median(times)), "ms").wanted(Target::AtMost(200.0))];
    let (served, url) = serve(binary, &database)?;
    let mut client = Client::new(&url);
    let id = first_incident(&mut client, &window(90)?)?;
    let front = body(&mut client, "/en/", "identity")?.len();
    facts.push(Fact::new("… first page, not compressed", kilobytes(front), "kB"));
    facts.push(rate(&served, &url, "/en/")?);
    let what = "… GET of a component, processor time";
    let component = component_id(0);
    facts.push(
        cost(&served, &url, what, &format!("/components/{component}"), "identity")?
            .wanted(Target::AtMost(0.03)),
    );
    for (what, path) in [
        ("… write until the API shows it", format!("/incidents/{id}")),
        ("… write until the first page shows it", "/en/".to_owned()),
    ] {
        let times = writes(&mut client, &id, &path)?;
        let slowest = times.iter().max().copied().unwrap_or_default();
        facts.push(
            Fact::new(format!("{what}, median of {WRITES}"), millis(median(times)), "ms")
                .wanted(Target::AtMost(50.0)),
        );
        facts.push(Fact::new("… the slowest", millis(slowest), "ms"));
    }
    for path in ["/de/", "/components", "/api/v2/summary.json", "/feed.atom", "/calendar.ics"] {
        body(&mut client, path, "br")?;
    }
    body(&mut client, &window(90)?, "gzip")?;
    facts.push(
        Fact::new("… resident memory", resident(served.pid())?, "MiB").wanted(Target::AtMost(60.0)),
    );
    Ok(facts)
}

/// Changes the incident and reads until the change is seen.
fn writes(client: &mut Client, id: &str, path: &str) -> Result<Vec<Duration>, Error> {
    let mut times = Vec::new();
    for write in 0..WRITES {
        let name = format!("name {write} for {}", path.len());
        let change = json!({ "displayName": name }).to_string();
        let begun = Instant::now();
        let answer =
            client.ask(&request("PATCH", &format!("/incidents/{id}"), "identity", &change));
        if answer.map_err(failed)?.status != 204 {
            return Err(wrong("a change was refused"));
        }
        let shown = body(client, path, "identity")?;
        times.push(begun.elapsed());
        if !String::from_utf8_lossy(&shown).contains(&name) {
            return Err(wrong("a change was acknowledged and is not shown"));
        }
    }
    Ok(times)
}

/// The processor time of one request.
fn cost(served: &Served, url: &str, what: &str, path: &str, coding: &str) -> Result<Fact, Error> {
    let asked = request("GET", path, coding, "");
    let before = cpu_of(served.pid())?;
    let tally = load::run(url, FEW, ASKED, |_, _| &asked).map_err(failed)?;
    let cpu = cpu_of(served.pid())?.saturating_sub(before);
    if tally.failed() > 0 {
        return Err(wrong(&format!("GET {path} failed")));
    }
    Ok(Fact::new(what, millis(cpu) / number(tally.all()), "ms"))
}

/// How many of these one processor answers, by its time.
fn rate(served: &Served, url: &str, path: &str) -> Result<Fact, Error> {
    let cost = cost(served, url, "", path, "br")?;
    Ok(Fact::new("first page for each second of processor time", 1000.0 / cost.value, "/s"))
}

/// The slowest hundredth of a steady rate.
fn steady(url: &str, paths: &[&str]) -> Result<Fact, Error> {
    let requests: Vec<_> = paths.iter().map(|path| request("GET", path, "br", "")).collect();
    let choose = |number: u64| {
        let place = usize::try_from(number).unwrap_or_default() % requests.len().max(1);
        requests.get(place).map_or(&[][..], Vec::as_slice)
    };
    let (tally, mut times) = load::pace(url, 32, RATE, ASKED, choose);
    if tally.failed() > 0 {
        return Err(wrong("a request at a steady rate failed"));
    }
    times.sort_unstable();
    let slowest = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
    let what = format!("99 % of reads at {RATE} requests/s take less than");
    Ok(Fact::new(what, millis(slowest), "ms").wanted(Target::AtMost(10.0)))
}

fn serve(binary: &str, database: &str) -> Result<(Served, String), Error> {
    let arguments =
        ["status", "serve", "--listen", "127.0.0.1:0", "--database", database, "--format", "json"];
    let served = Served::start(binary, Some("0"), &arguments)?;
    let url = served.hello["page"].as_str().ok_or_else(|| wrong("it did not say where it is"))?;
    let url = url.to_owned();
    Ok((served, url))
}

/// A database with this page in it.
fn filled(
    env: &Environment,
    binary: &str,
    directory: &Path,
    name: &str,
    page: &Page,
) -> Result<String, Error> {
    let file: PathBuf = directory.join(format!("{name}.json"));
    let archive = archive(page)?.to_string();
    std::fs::write(&file, archive).map_err(Error::file("write", &file))?;
    let database = format!("sqlite:{}", directory.join(format!("{name}.db")).display());
    let file = file.display().to_string();
    Job::new(env, binary)
        .args(&["status", "import", &file, "--database", &database, "--quiet"])
        .run_visible()?;
    Ok(database)
}

fn component_id(place: usize) -> String {
    format!("01985a3c-0000-7000-8000-{place:012x}")
}

/// An export of a page with trouble spread evenly, three messages each.
fn archive(page: &Page) -> Result<Value, Error> {
    let (now, kind) = (now()?, "01985a3c-2222-7000-8000-000000000000");
    let components: Vec<_> = (0..page.components)
        .map(|place| {
            json!({
                "id": component_id(place), "name": format!("Component {place}"),
                "labels": { "region": format!("region {}", place % 3) },
            })
        })
        .collect();
    let incident = |place: usize| {
        let ago = (page.incidents - place) as u64 * page.days * DAY / page.incidents as u64;
        let began = now.saturating_sub(ago);
        let (began, ended) = (moment(began), moment(began + 3600));
        let open = place + 1 == page.incidents;
        let touched = [place % page.components, (place * 7 + 1) % page.components];
        let touched: std::collections::BTreeSet<_> = touched.into_iter().collect();
        let affects: Vec<_> = touched
            .into_iter()
            .map(|one| {
                json!({ "component": component_id(one), "kind": kind, "severity": 30 + place % 60 })
            })
            .collect();
        let update = |order: u32| {
            json!({
                "order": order, "name": "What we know", "created": began,
                "description": "The switch in the second row lost its power; it is replaced.",
            })
        };
        let mut document: BTreeMap<&str, Value> = BTreeMap::from([
            ("id", json!(format!("01985a3c-1111-7000-8000-{place:012x}"))),
            ("name", json!(format!("Trouble number {place}"))),
            ("description", json!("Some servers cannot be reached for a while. ".repeat(3))),
            ("affects", json!(affects)),
            ("began", json!(began)),
            ("phase", json!({ "generation": 1, "order": 2 })),
            ("next_update", json!(3)),
            ("created", json!(began)),
            ("changed", json!(ended)),
        ]);
        if !open {
            document.insert("ended", json!(ended));
        }
        json!({ "incident": document, "updates": [update(0), update(1), update(2)] })
    };
    Ok(json!({
        "format": "lotse-status/1",
        "components": components,
        "impact_types": [{ "id": kind, "name": "Slow" }],
        "severities": [{ "name": "limited", "value": 66 }, { "name": "operational", "value": 33 }],
        "phases": [["Investigating", "Fixing", "Done"]],
        "incidents": (0..page.incidents).map(incident).collect::<Vec<_>>(),
    }))
}

/// Seconds since the epoch.
#[expect(clippy::disallowed_methods, reason = "the server that is measured goes by the clock, too")]
fn now() -> Result<u64, Error> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Ok(since.map_err(|_| wrong("the clock is before 1970"))?.as_secs())
}

/// A moment as RFC 3339 has it (days to a date by the algorithm of Howard Hinnant,
/// "chrono-compatible low-level date algorithms", `civil_from_days`).
fn moment(seconds: u64) -> String {
    let (days, rest) = (seconds / DAY + 719_468, seconds % DAY);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carried) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + carried;
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The list of incidents of so many days.
fn window(days: u64) -> Result<String, Error> {
    let now = now()?;
    let start = moment(now.saturating_sub(days * DAY));
    Ok(format!("/incidents?start={start}&end={}", moment(now)))
}

/// The newest incident of a list.
fn first_incident(client: &mut Client, list: &str) -> Result<String, Error> {
    let bytes = body(client, list, "identity")?;
    let list: Value = serde_json::from_slice(&bytes).map_err(|error| wrong(&error.to_string()))?;
    let newest = list["data"].as_array().and_then(|list| list.last());
    let id = newest.and_then(|one| one["id"].as_str());
    Ok(id.ok_or_else(|| wrong("there are no incidents"))?.to_owned())
}

fn body(client: &mut Client, path: &str, coding: &str) -> Result<Vec<u8>, Error> {
    let answer = client.ask(&request("GET", path, coding, "")).map_err(failed)?;
    if answer.status != 200 {
        return Err(wrong(&format!("GET {path} is answered with {}", answer.status)));
    }
    Ok(answer.body)
}

fn request(method: &str, path: &str, coding: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: {coding}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn kilobytes(bytes: usize) -> f64 {
    number(bytes as u64) / 1000.0
}

fn failed(error: std::io::Error) -> Error {
    Error::file("ask", "the status page")(error)
}

fn wrong(detail: &str) -> Error {
    Error::Answer { program: "lotse status serve".to_owned(), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates_of_the_calendar() {
        assert_eq!(moment(0), "1970-01-01T00:00:00Z");
        assert_eq!(moment(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(moment(1_795_219_199), "2026-11-20T23:59:59Z");
    }

    #[test]
    fn a_page_has_as_many_incidents_as_it_should_and_one_is_open() {
        let archive = archive(&USUAL).unwrap();
        let incidents = archive["incidents"].as_array().unwrap();
        assert_eq!(incidents.len(), 200);
        let open = incidents.iter().filter(|one| one["incident"]["ended"].is_null());
        assert_eq!(open.count(), 1);
    }
}

//! Conformance: names of flavors read, one cloud checked, fifty clouds checked at the same time.
//!
//! What one processor does is reckoned by processor time, so that it holds on a busy machine, too. The
//! clouds are one simulated cloud under many names, in a process of its own: each check signs in anew
//! and knows nothing of the others.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cloud::{Cloud, answer};
use super::measure::{cost, median, millis, most_resident};
use super::{Fact, Target, binary};
use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;

/// How many names are read.
const NAMES: usize = 4_000_000;
/// Names as clouds have them: of the standard in both spellings, of nobody, and wrong ones.
const KINDS: [&str; 8] = [
    "SCS-16T-64-3x10s_bms_z3h_GNa-64_ib",
    "SCS-4V-16-100s",
    "SCS-1L-1",
    "SCS-8V-32-100",
    "SCS-2V:4:20s-kvm-i3",
    "m1.tiny",
    "SCS-4C-16.5u-3x200p_kvm_hwv_a2_gNa-14h-10h",
    "SCS-4V-16_foo",
];
/// How many clouds are checked at the same time.
const CLOUDS: usize = 50;
/// How often a check is repeated.
const RUNS: usize = 5;
/// Every answer of the simulated cloud takes so long, where the longest of them is compared.
const LATENCY: Duration = Duration::from_millis(200);

pub(super) fn run(env: &Environment) -> Result<Vec<Fact>, Error> {
    let binary = binary(env)?.display().to_string();
    let scratch = env.scratch()?;
    let mut facts = names(env, &binary, &scratch)?;
    facts.extend(clouds(env, &binary, &scratch)?);
    facts.extend(slowest(env, &binary, &scratch)?);
    Ok(facts)
}

/// `lotse flavor name` on many names: how many one processor reads and answers.
fn names(env: &Environment, binary: &str, scratch: &Path) -> Result<Vec<Fact>, Error> {
    let path = scratch.join("bench-names.txt");
    let mut text = String::new();
    for index in 0..NAMES {
        text.push_str(KINDS.get(index % KINDS.len()).copied().unwrap_or_default());
        text.push('\n');
    }
    std::fs::write(&path, text).map_err(Error::file("write", &path))?;
    let mut facts = Vec::new();
    for mode in ["standard", "upstream"] {
        let command = format!(
            "exec {binary} flavor name --mode {mode} --format json < {} > /dev/null",
            path.display()
        );
        let cost = cost(&Job::new(env, "sh").args(&["-c", &command]))?;
        let what = format!("names of flavors read and answered as JSON, mode {mode}");
        let rate = millions(NAMES) / cost.cpu.as_secs_f64();
        facts
            .push(Fact::new(what, rate, "million/s of one processor").wanted(Target::AtLeast(2.0)));
    }
    std::fs::remove_file(&path).map_err(Error::file("remove", &path))?;
    Ok(facts)
}

#[expect(clippy::cast_precision_loss, reason = "some millions")]
fn millions(number: usize) -> f64 {
    number as f64 / 1e6
}

/// One cloud and fifty, by reading only.
fn clouds(env: &Environment, binary: &str, scratch: &Path) -> Result<Vec<Fact>, Error> {
    let sim = Cloud::start(binary, None, &[])?;
    let path = scratch.join("bench-clouds.yaml");
    let names = clouds_yaml(&sim.url, &path)?;
    let (wall, memory, shown) = check(env, binary, &path, names.first().into_iter())?;
    let requests = shown["requests"].as_f64().ok_or_else(|| answer("no number of requests"))?;
    let mut facts = vec![
        Fact::new("one cloud checked", millis(wall), "ms"),
        Fact::new("… requests", requests, "requests").wanted(Target::AtMost(8.0)),
        Fact::new("… most resident memory", memory, "MiB").wanted(Target::AtMost(30.0)),
    ];
    let (wall, memory, shown) = check(env, binary, &path, names.iter())?;
    let checked = shown["clouds"]
        .as_array()
        .map_or(0, |clouds| clouds.iter().filter(|cloud| cloud["testcases"].is_object()).count());
    if checked != CLOUDS {
        return Err(answer(&format!("{checked} clouds were checked, not {CLOUDS}")));
    }
    facts.push(
        Fact::new(format!("{CLOUDS} clouds checked at the same time"), wall.as_secs_f64(), "s")
            .wanted(Target::AtMost(5.0)),
    );
    facts.push(Fact::new("… most resident memory", memory, "MiB"));
    Ok(facts)
}

/// How long a check takes where every answer takes long, beside that answer: signing in comes first,
/// everything else at the same time.
fn slowest(env: &Environment, binary: &str, scratch: &Path) -> Result<Vec<Fact>, Error> {
    let latency = LATENCY.as_secs_f64().to_string();
    let sim = Cloud::start(binary, None, &["--latency", &latency])?;
    let path = scratch.join("bench-clouds.yaml");
    let names = clouds_yaml(&sim.url, &path)?;
    let (wall, _, _) = check(env, binary, &path, names.first().into_iter())?;
    let ratio = wall.saturating_sub(LATENCY).as_secs_f64() / LATENCY.as_secs_f64();
    let what = format!("a check without signing in, beside its slowest answer of {latency} s");
    Ok(vec![Fact::new(what, ratio, "×").wanted(Target::AtMost(1.3))])
}

/// Checks clouds; the median of several times, the most memory, and what the last one said.
fn check<'a>(
    env: &Environment,
    binary: &str,
    clouds: &Path,
    names: impl Iterator<Item = &'a String>,
) -> Result<(Duration, f64, Value), Error> {
    let names: Vec<&str> = names.map(String::as_str).collect();
    let (mut walls, mut memory, mut shown) = (Vec::new(), 0.0_f64, Value::Null);
    for _ in 0..RUNS {
        let begun = Instant::now();
        let child = Command::new(binary)
            .args(["conformance", "check", "--version", "v5.1", "--read-only", "--format", "json"])
            .args(["--os-cloud", &names.join(",")])
            .env("OS_CLIENT_CONFIG_FILE", clouds)
            .current_dir(&env.root)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| Error::Start { program: binary.to_owned(), source })?;
        let (output, most) = most_resident(child)?;
        walls.push(begun.elapsed());
        memory = memory.max(most);
        // That clouds do not conform is no failure of the check.
        shown = serde_json::from_slice(&output).map_err(|error| answer(&error.to_string()))?;
    }
    Ok((median(walls), memory, shown))
}

/// A `clouds.yaml` with many names of the simulated cloud, and the names.
fn clouds_yaml(url: &str, path: &Path) -> Result<Vec<String>, Error> {
    let mut text = "clouds:\n".to_owned();
    let names: Vec<String> = (0..CLOUDS).map(|index| format!("cloud-{index}")).collect();
    for name in &names {
        // Writing to a string cannot fail.
        write!(
            text,
            "  {name}:\n    region_name: RegionOne\n    auth:\n      auth_url: {url}/identity/v3\n      \
             username: demo\n      password: sim\n      project_name: demo\n      \
             user_domain_name: Default\n      project_domain_name: Default\n"
        )
        .ok();
    }
    std::fs::write(path, text).map_err(Error::file("write", path))?;
    Ok(names)
}

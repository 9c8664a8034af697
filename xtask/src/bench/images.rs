//! `lotse image plan` beside a no-op run of the Python image manager, on the same Glance.
//!
//! Both get the same definitions: small valid qcow2 files behind a mirror on loopback. Each works in a
//! project of its own (`testbed` and `testbed-alt`), so that neither sees the other's images. First
//! both converge, then only runs that find nothing to do are measured. Requests are counted in the
//! log of Glance, by project and the same way for both.

use std::path::{Path, PathBuf};

use super::measure::{Cost, millis, typical};
use super::mirror::Mirror;
use super::{Fact, Target, binary};
use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;
use crate::{peer, testbed};

/// How many images are declared: as many as the catalogue of the Python image manager has enabled, and
/// of the kind most of them are (`multi` with one version).
pub(super) const IMAGES: u32 = 18;
/// The version that is declared first.
pub(super) const FIRST: &str = "20260101";
/// What marks the images of this benchmark, for both tools and for clearing up.
const TAG: &str = "lotse-bench";
/// How often each program is measured.
const RUNS: u32 = 10;

pub(super) fn run(env: &Environment) -> Result<Vec<Fact>, Error> {
    let bed = Bed::find(env)?;
    let dir = env.scratch()?.join("bench-images");
    let definitions = definitions(env, &dir, FIRST)?;
    let ours = Tool::ours(env, &bed, &definitions.dir)?;
    let theirs = Tool::python(env, &bed, &definitions.dir)?;

    let measured = measure(env, &bed, &ours, &theirs);
    for tool in [&ours, &theirs] {
        bed.clear(env, tool)?;
    }
    measured
}

fn measure(env: &Environment, bed: &Bed, ours: &Tool, theirs: &Tool) -> Result<Vec<Fact>, Error> {
    anstream::println!("  converging both");
    ours.converge.run_quietly()?;
    theirs.converge.run_quietly()?;
    // The first run after an import may still change properties; only then is there nothing to do.
    theirs.converge.run_quietly()?;
    ours.check_converged()?;

    anstream::println!("  measuring {RUNS} runs of each");
    let (mine, my_requests) = bed.counted(env, ours)?;
    let (peer, peer_requests) = bed.counted(env, theirs)?;
    Ok(facts(mine, my_requests, peer, peer_requests))
}

fn facts(mine: Cost, my_requests: f64, peer: Cost, peer_requests: f64) -> Vec<Fact> {
    let ratio = |theirs: std::time::Duration, ours: std::time::Duration| {
        theirs.as_secs_f64() / ours.as_secs_f64().max(0.001)
    };
    vec![
        Fact::new(
            format!("`lotse image plan`, {IMAGES} images, nothing to do"),
            millis(mine.wall),
            "ms",
        )
        .wanted(Target::AtMost(500.0)),
        Fact::new("… processor time", millis(mine.cpu), "ms"),
        Fact::new("… requests to Glance", my_requests, "requests").wanted(Target::AtMost(3.0)),
        Fact::new("openstack-image-manager, the same", millis(peer.wall), "ms"),
        Fact::new("… processor time", millis(peer.cpu), "ms"),
        Fact::new("… requests to Glance", peer_requests, "requests"),
        Fact::new("less time on the wall", ratio(peer.wall, mine.wall), "×")
            .wanted(Target::AtLeast(8.0)),
        Fact::new("less processor time", ratio(peer.cpu, mine.cpu), "×")
            .wanted(Target::AtLeast(20.0)),
    ]
}

/// The running testbed.
pub(super) struct Bed {
    clouds: String,
    log: PathBuf,
}

impl Bed {
    pub(super) fn find(env: &Environment) -> Result<Self, Error> {
        let script = env.root.join(testbed::SCRIPT).display().to_string();
        if !Job::new(env, script.as_str()).args(&["status", "-q"]).succeeds() {
            return Err(Error::Missing {
                what: "the testbed".to_owned(),
                hint: "start it with `cargo xtask testbed up --profile image`".to_owned(),
            });
        }
        let vars = testbed::exported(&Job::new(env, script).args(&["env"]).output()?);
        let clouds = vars
            .into_iter()
            .find_map(|(name, value)| (name == "LOTSE_TESTBED_CLOUDS").then_some(value))
            .unwrap_or_default();
        let state = Path::new(&clouds).parent().and_then(Path::parent).unwrap_or(Path::new("/"));
        Ok(Self { log: state.join("log/glance.log"), clouds })
    }

    /// The cost of a run, and the requests to Glance in each.
    fn counted(&self, env: &Environment, tool: &Tool) -> Result<(Cost, f64), Error> {
        let project = self
            .openstack(env, tool, &["token", "issue", "-f", "value", "-c", "project_id"])
            .output()?;
        let before = self.requests(project.trim())?;
        let cost = typical(&tool.noop, RUNS)?;
        let sent = self.requests(project.trim())? - before;
        Ok((cost, f64::from(u32::try_from(sent).unwrap_or(u32::MAX)) / f64::from(RUNS)))
    }

    /// Deletes the images that a tool has made.
    pub(super) fn clear(&self, env: &Environment, tool: &Tool) -> Result<(), Error> {
        let list = ["image", "list", "--private", "--tag", TAG, "-f", "value", "-c", "ID"];
        let ids = self.openstack(env, tool, &list).output()?;
        let ids: Vec<&str> = ids.split_whitespace().collect();
        if ids.is_empty() {
            return Ok(());
        }
        self.openstack(env, tool, &["image", "delete"]).args(&ids).run_visible()
    }

    /// The command `openstack`, which comes with the testbed, in the project of a tool.
    fn openstack(&self, env: &Environment, tool: &Tool, args: &[&str]) -> Job {
        Job::new(env, "/usr/bin/openstack")
            .args(&["--os-cloud", tool.cloud])
            .args(args)
            .var("OS_CLIENT_CONFIG_FILE", self.clouds.as_str())
    }

    /// Requests for a project that Glance has logged since it was started.
    fn requests(&self, project: &str) -> Result<usize, Error> {
        self.logged(project, |_| true)
    }

    /// Those of them that are meant.
    fn logged(&self, project: &str, meant: impl Fn(&str) -> bool) -> Result<usize, Error> {
        let text = std::fs::read(&self.log).map_err(Error::file("read", &self.log))?;
        let text = String::from_utf8_lossy(&text);
        Ok(text.lines().filter(|line| is_access(line, project) && meant(line)).count())
    }

    /// What a run costs that changes something, and its requests besides looks at running imports.
    pub(super) fn once(
        &self,
        env: &Environment,
        tool: &Tool,
        job: &Job,
    ) -> Result<(Cost, usize), Error> {
        let project = self
            .openstack(env, tool, &["token", "issue", "-f", "value", "-c", "project_id"])
            .output()?;
        let project = project.trim();
        let other = |line: &str| !is_poll(line);
        let before = self.logged(project, other)?;
        let cost = super::measure::cost(job)?;
        Ok((cost, self.logged(project, other)? - before))
    }
}

/// `… eventlet.wsgi.server [None req-… USER PROJECT …] … "GET /v2/images HTTP/1.1" 200 …`
fn is_access(line: &str, project: &str) -> bool {
    line.contains("eventlet.wsgi.server")
        && line.contains(" HTTP/1.1\" ")
        && line.split(' ').any(|word| word == project)
}

/// A look at one image, or at its tasks: `"GET /v2/images/ID HTTP/1.1"`.
fn is_poll(line: &str) -> bool {
    line.contains("\"GET /v2/images/")
}

/// The files both read, and the server they name.
pub(super) struct Definitions {
    pub(super) dir: PathBuf,
    _mirror: Mirror,
}

/// Makes the images (once) and the definitions of this version, which name the mirror's port.
pub(super) fn definitions(
    env: &Environment,
    dir: &Path,
    version: &str,
) -> Result<Definitions, Error> {
    let files = dir.join("files");
    std::fs::create_dir_all(&files).map_err(Error::file("create", &files))?;
    let mirror = Mirror::start(files.clone())?;
    let mut text = String::from("images:\n");
    for number in 1..=IMAGES {
        let file = format!("bench-{number}.qcow2");
        let path = files.join(&file);
        if !path.is_file() {
            let at = path.display().to_string();
            Job::new(env, "qemu-img")
                .args(&["create", "-q", "-f", "qcow2", &at, "1M"])
                .run_visible()?;
        }
        text.push_str(&definition(number, version, &mirror.url(&file)));
    }
    let declared = dir.join("definitions");
    std::fs::create_dir_all(&declared).map_err(Error::file("create", &declared))?;
    let path = declared.join("bench.yml");
    std::fs::write(&path, text).map_err(Error::file("write", &path))?;
    Ok(Definitions { dir: declared, _mirror: mirror })
}

/// One image as the Python image manager declares it.
fn definition(number: u32, version: &str, url: &str) -> String {
    format!(
        "  - name: Bench Linux {number}
    enable: true
    format: qcow2
    login: bench
    min_disk: 1
    min_ram: 64
    status: active
    visibility: private
    multi: true
    meta:
      architecture: x86_64
      hw_disk_bus: scsi
      hw_rng_model: virtio
      hw_scsi_model: virtio-scsi
      hw_watchdog_action: reset
      hypervisor_type: qemu
      os_distro: debian
      os_purpose: generic
      replace_frequency: never
      uuid_validity: none
      provided_until: none
    tags: []
    versions:
      - version: '{version}'
        url: {url}
        build_date: 2026-01-01
"
    )
}

/// A program that keeps images, and how it is called.
pub(super) struct Tool {
    cloud: &'static str,
    pub(super) converge: Converge,
    noop: Job,
}

/// The call that brings the cloud into the declared state.
pub(super) struct Converge(pub(super) Job);

impl Converge {
    fn run_quietly(&self) -> Result<(), Error> {
        super::measure::cost(&self.0).map(drop)
    }
}

impl Tool {
    pub(super) fn ours(env: &Environment, bed: &Bed, images: &Path) -> Result<Self, Error> {
        let program = binary(env)?.display().to_string();
        let job = |verb: &str| {
            Job::new(env, program.as_str())
                .args(&["image", verb, "--os-cloud", "testbed", "--tag", TAG, "--images"])
                .args(&[images.display().to_string()])
                .var("OS_CLIENT_CONFIG_FILE", bed.clouds.as_str())
        };
        let noop = job("plan").args(&["--detailed-exitcode"]);
        Ok(Self { cloud: "testbed", converge: Converge(job("apply").args(&["--yes"])), noop })
    }

    /// A plan that finds differences ends with 3: then the comparison would be worthless.
    pub(super) fn check_converged(&self) -> Result<(), Error> {
        super::measure::cost(&self.noop).map(drop)
    }

    pub(super) fn python(env: &Environment, bed: &Bed, images: &Path) -> Result<Self, Error> {
        let program = peer::image_manager(env)?.program().display().to_string();
        let job = || {
            Job::new(env, program.as_str())
                .args(&["--cloud", "testbed-alt", "--tag", TAG, "--images"])
                .args(&[images.display().to_string()])
                .var("OS_CLIENT_CONFIG_FILE", bed.clouds.as_str())
        };
        let converge = Converge(job().args(&["--latest"]));
        Ok(Self { cloud: "testbed-alt", converge, noop: job() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_are_counted_in_the_log_of_glance() {
        let line = "2026-11-21 10:05:03.1 1 INFO eventlet.wsgi.server [None req-1 user project \
                    - - default default] 127.0.0.1 - - [21/Nov/2026 10:05:03] \
                    \"GET /v2/images HTTP/1.1\" 200 1 0.1";
        assert!(is_access(line, "project"));
        assert!(!is_access(line, "other"));
        let started = "2026-11-21 10:05:03.1 1 INFO glance.async_ [-] project started";
        assert!(!is_access(started, "project"));
        assert!(!is_poll(line));
        assert!(is_poll("\"GET /v2/images/1-2-3/tasks HTTP/1.1\" 200"));
        assert!(!is_poll("\"PATCH /v2/images/1-2-3 HTTP/1.1\" 200"));
    }
}

//! Other people's programs that ours are held against, each in a directory of its own below the
//! target directory: the Python image manager, schemathesis, readers of feeds, Playwright with axe, an
//! identity provider, a validator of HTML, a client of Statuspage.

use std::path::{Path, PathBuf};

use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;

/// The version we compare with. Later ones need Python 3.12.
const PACKAGE: &str = "openstack-image-manager==0.20261006.0";

/// An installed image manager.
#[derive(Debug)]
pub(crate) struct ImageManager {
    root: PathBuf,
}

impl ImageManager {
    /// Its program.
    pub(crate) fn program(&self) -> PathBuf {
        self.root.join("bin/openstack-image-manager")
    }

    /// The directory of the definitions it ships.
    pub(crate) fn catalogue(&self) -> Result<PathBuf, Error> {
        let lib = self.root.join("lib");
        for entry in std::fs::read_dir(&lib).map_err(Error::file("read", &lib))? {
            let python = entry.map_err(Error::file("read", &lib))?.path();
            let images = python.join("site-packages/openstack_image_manager/etc/images");
            if images.is_dir() {
                return Ok(images);
            }
        }
        Err(Error::Answer {
            program: PACKAGE.to_owned(),
            detail: format!("no etc/images below {}", lib.display()),
        })
    }
}

/// Installs it unless it is there. `python3-venv` is asked of apt where it is missing and we may.
pub(crate) fn image_manager(env: &Environment) -> Result<ImageManager, Error> {
    Ok(ImageManager { root: virtual_environment(env, "image-manager", &[PACKAGE])? })
}

/// Installs schemathesis unless it is there; gives its program.
pub(crate) fn schemathesis(env: &Environment) -> Result<PathBuf, Error> {
    const PACKAGES: [&str; 1] = ["schemathesis==4.32.5"];
    Ok(virtual_environment(env, "schemathesis", &PACKAGES)?.join("bin/schemathesis"))
}

/// Installs the readers of feeds unless they are there; gives the Python that has them.
pub(crate) fn feed_readers(env: &Environment) -> Result<PathBuf, Error> {
    const PACKAGES: [&str; 2] = ["feedparser==6.0.14", "icalendar==7.3.0"];
    Ok(virtual_environment(env, "feed-readers", &PACKAGES)?.join("bin/python"))
}

/// Installs Playwright (which drives the browser that is there), axe, an identity provider, a validator
/// of HTML and a client of Statuspage unless they are there; gives the directory of their modules.
/// Later versions of the provider and of the validator need more than the node of Debian 12; the
/// packages of the client's later versions hold no program.
pub(crate) fn node_modules(env: &Environment) -> Result<PathBuf, Error> {
    const PACKAGES: [&str; 5] = [
        "playwright-core@1.56.1",
        "axe-core@4.14.1",
        "oidc-provider@8.8.1",
        "html-validate@9.7.1",
        "statuspage.io@3.3.8",
    ];
    let root = env.scratch()?.join("node");
    let ready = root.join("ready");
    let wanted = PACKAGES.join(" ");
    if std::fs::read_to_string(&ready).is_ok_and(|found| found == wanted) {
        return Ok(root.join("node_modules"));
    }
    let at = root.display().to_string();
    std::fs::create_dir_all(&root).map_err(Error::file("create", &root))?;
    let npm = Job::new(env, "npm").args(&["install", "--prefix", &at, "--no-fund", "--no-audit"]);
    quiet(&npm.args(&["--ignore-scripts", "--loglevel=error"]).args(&PACKAGES))?;
    std::fs::write(&ready, wanted).map_err(Error::file("write", &ready))?;
    Ok(root.join("node_modules"))
}

/// A virtual environment with these packages, made unless it is there.
fn virtual_environment(env: &Environment, name: &str, packages: &[&str]) -> Result<PathBuf, Error> {
    let root = env.scratch()?.join(name);
    let ready = root.join("ready");
    let wanted = packages.join(" ");
    if std::fs::read_to_string(&ready).is_ok_and(|found| found == wanted) {
        return Ok(root);
    }
    let at = root.display().to_string();
    let python = python(env)?;
    quiet(&Job::new(env, &python).args(&["-m", "venv", "--clear", &at]))?;
    let pip = root.join("bin/pip").display().to_string();
    quiet(&Job::new(env, pip).args(&["install", "--quiet", "--no-input"]).args(packages))?;
    std::fs::write(&ready, wanted).map_err(Error::file("write", &ready))?;
    Ok(root)
}

/// A Python that can make virtual environments.
fn python(env: &Environment) -> Result<String, Error> {
    let can = |program: &str| {
        Path::new(program).is_file()
            && Job::new(env, program).args(&["-c", "import ensurepip, venv"]).succeeds()
    };
    let debian = "/usr/bin/python3";
    let on_path = env.find("python3").map(|path| path.display().to_string());
    for candidate in [Some(debian.to_owned()), on_path].into_iter().flatten() {
        if can(&candidate) {
            return Ok(candidate);
        }
    }
    let install = env.root.join("testbed/apt.sh").display().to_string();
    if env.is_root() && env.find("apt-get").is_some() {
        quiet(&Job::new(env, install).args(&["install", "python3-venv"]))?;
    }
    if can(debian) {
        return Ok(debian.to_owned());
    }
    Err(Error::Missing {
        what: "a Python with the modules venv and ensurepip".to_owned(),
        hint: "on Debian: apt-get install python3-venv".to_owned(),
    })
}

fn quiet(job: &Job) -> Result<(), Error> {
    let finished = job.run_lines(|_| {})?;
    if finished.status.success() {
        return Ok(());
    }
    let last = finished.tail.last().cloned().unwrap_or_default();
    Err(Error::Child {
        command: job.command_line(),
        status: format!("{}: {last}", finished.status),
    })
}

//! The process environment, read once; everything else takes it as a value.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// What this machine and this call offer.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds; outside the checkout in CI.
    pub(crate) target: PathBuf,
    /// The `cargo` that runs us, so that children use the same toolchain.
    pub(crate) cargo: String,
    vars: BTreeMap<String, String>,
}

impl Environment {
    /// Reads the environment of this process.
    pub(crate) fn of_this_process() -> Result<Self, Error> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .map(Path::to_path_buf)
            .unwrap_or_default();
        if !root.join("Cargo.lock").is_file() {
            return Err(Error::NoWorkspace { path: root });
        }
        let vars: BTreeMap<String, String> = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let target =
            vars.get("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        let cargo = vars.get("CARGO").cloned().unwrap_or_else(|| "cargo".to_owned());
        Ok(Self { root, target, cargo, vars })
    }

    /// A variable, when it is set and not empty.
    pub(crate) fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether nobody is watching: missing pieces that could be had are then failures.
    pub(crate) fn is_ci(&self) -> bool {
        self.var("CI").is_some_and(|value| value != "false" && value != "0")
    }

    /// Whether packages can be installed and namespaces made.
    #[expect(clippy::unused_self, reason = "a fact of the environment like the others")]
    pub(crate) fn is_root(&self) -> bool {
        rustix::process::geteuid().is_root()
    }

    /// The full path of a program, if there is one on `PATH`.
    pub(crate) fn find(&self, program: &str) -> Option<PathBuf> {
        let path = self.var("PATH")?;
        path.split(':').map(|dir| Path::new(dir).join(program)).find(|file| file.is_file())
    }

    /// A folder for what chores leave behind (logs, markers), below the target directory.
    pub(crate) fn scratch(&self) -> Result<PathBuf, Error> {
        let dir = self.target.join("xtask");
        std::fs::create_dir_all(&dir).map_err(Error::file("create", &dir))?;
        Ok(dir)
    }
}

//! The unit: does systemd understand it, and how much may the program do.

use std::path::Path;

use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;

/// What `systemd-analyze security` may give at most, in tenths; 0 is a program that may do nothing.
const EXPOSURE: &str = "15";

/// The unit in an unpacked package, judged by `systemd-analyze`; nothing is started.
pub(crate) fn problems(env: &Environment, root: &Path) -> Result<Vec<String>, Error> {
    let unit = root.join("usr/lib/systemd/system/lotse.service");
    let text = std::fs::read_to_string(&unit).map_err(Error::file("read", &unit))?;
    // It is the program of this package whose presence counts, not one that is installed here.
    let program = root.join("usr/bin/lotse").display().to_string();
    std::fs::write(&unit, text.replace("/usr/bin/lotse", &program))
        .map_err(Error::file("write", &unit))?;
    if env.find("systemd-analyze").is_none() {
        anstream::println!("  systemd-analyze is not here: the unit was not examined");
        return Ok(Vec::new());
    }
    let unit = unit.display().to_string();
    let threshold = format!("--threshold={EXPOSURE}");
    let mut problems = Vec::new();
    for args in [
        &["verify", "--man=no", &*unit][..],
        &["security", "--offline=true", "--no-pager", &*threshold, &*unit],
    ] {
        let mut said = Vec::new();
        let job = Job::new(env, "systemd-analyze").args(args);
        let finished = job.run_lines(|line| said.push(line.to_owned()))?;
        if !finished.status.success() {
            problems.push(format!("{}:", job.command_line()));
            problems.extend(said.into_iter().rev().take(5));
        }
    }
    Ok(problems)
}

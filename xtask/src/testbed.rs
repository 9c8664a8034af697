//! `cargo xtask testbed …`: the real OpenStack of the tests. The work is done by `testbed/testbed.sh`.

use clap::ValueEnum;

use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;

/// The script, in the checkout.
pub(crate) const SCRIPT: &str = "testbed/testbed.sh";

/// What to do with it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to do.
    action: Action,
    /// Which services to start (default: `full`, or `LOTSE_TESTBED_PROFILE`).
    #[arg(long)]
    profile: Option<Profile>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Action {
    /// Install what is missing and start what does not run.
    Up,
    /// Stop everything; what is stored stays.
    Down,
    /// List the processes; fails when one is missing.
    Status,
    /// Print shell commands that set the environment for clients and tests.
    Env,
    /// Stop everything and remove what is stored.
    Purge,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Profile {
    /// Keystone and Glance: what the image tests need.
    Image,
    /// All services, a real data path and guests.
    Full,
}

/// Calls the script.
pub(crate) fn run(args: &Args, env: &Environment) -> Result<(), Error> {
    let action = name(&args.action);
    let mut job = Job::new(env, env.root.join(SCRIPT).display().to_string()).args(&[action]);
    if let Some(profile) = args.profile {
        job = job.var("LOTSE_TESTBED_PROFILE", name(&profile));
    }
    job.run_visible()
}

fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// The variables in the lines `export NAME=value` of a script's `env` command.
pub(crate) fn exported(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("export "))
        .filter_map(|assignment| assignment.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.trim_matches(['"', '\'']).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_variables_are_read_from_shell_lines() {
        assert_eq!(
            exported("# note\nexport A=b\nexport C='d e'\nF=g\n"),
            [("A".to_owned(), "b".to_owned()), ("C".to_owned(), "d e".to_owned())]
        );
    }
}

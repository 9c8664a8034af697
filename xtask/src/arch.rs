//! `cargo xtask arch`: the structure of the project, checked instead of hoped for.
//!
//! Three parts: the arrows between crates ([`arrows`]), the size budget and the names of files
//! ([`layout`]). All findings are printed at once; a soft finding is advice, a hard one fails.

mod arrows;
mod layout;

use crate::environment::Environment;
use crate::error::Error;
use crate::workspace;

/// Something the check does not like.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Breaks the rules.
    Hard(String),
    /// Should be looked at.
    Soft(String),
}

/// Checks and prints; an error when a rule is broken.
pub(crate) fn run(env: &Environment) -> Result<(), Error> {
    let members = workspace::members(env)?;
    let mut findings = arrows::check(&members);
    for package in &members {
        findings.extend(layout::check(package, &env.root)?);
    }
    let mut broken = false;
    for finding in &findings {
        match finding {
            Finding::Hard(text) => {
                broken = true;
                anstream::println!("  error: {text}");
            }
            Finding::Soft(text) => anstream::println!("  advice: {text}"),
        }
    }
    if broken { Err(Error::ChecksFailed) } else { Ok(()) }
}

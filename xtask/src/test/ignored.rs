//! The marks of tests that do not run by default, read from the sources.
//!
//! Which tests are marked is told by the test programs. This look ahead only learns what the marks
//! ask for, so that services can be started while the programs are still being compiled.

use std::collections::BTreeSet;

use super::needs::Need;
use crate::environment::Environment;
use crate::error::Error;
use crate::workspace::{self, rust_files};

/// Everything that marked tests of the workspace will need.
pub(super) fn needs(env: &Environment) -> Result<BTreeSet<Need>, Error> {
    let mut found = BTreeSet::new();
    for package in workspace::members(env)? {
        for part in ["src", "tests"] {
            for file in rust_files(&package.dir().join(part))? {
                let text = std::fs::read_to_string(&file).map_err(Error::file("read", &file))?;
                found.extend(marks(&text).flat_map(Need::of));
            }
        }
    }
    Ok(found)
}

/// The texts of `#[ignore = "…"]`.
fn marks(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        line.trim().strip_prefix(concat!("#[", "ignore = \""))?.strip_suffix("\"]")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_mark_is_found_wherever_it_stands() {
        let text = format!("#[test]\n    #[{} = \"real: testbed\"]\nfn a() {{}}\n", "ignore");
        assert_eq!(marks(&text).collect::<Vec<_>>(), ["real: testbed"]);
        assert_eq!(marks("#[test]\nfn b() {}\n").count(), 0);
    }
}

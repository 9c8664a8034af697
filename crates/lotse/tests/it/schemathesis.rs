//! Schemathesis, as the tests of APIs run it.

use std::process::Command;

use crate::process::{Place, variable};

/// The rules by which it leaves out, for these operations, that all is taken which the document allows:
/// a document cannot say everything that is needed.
pub(crate) fn rules<const N: usize>(operations: [&str; N]) -> String {
    let rule = |name: &str| {
        format!(
            "[[operations]]\ninclude-name = \"{name}\"\n\
             checks.positive_data_acceptance.enabled = false\n\n"
        )
    };
    operations.map(rule).concat()
}

/// Tries what this document describes, with these arguments and rules, and finds nothing.
pub(crate) fn finds_nothing(
    place: &Place,
    document: &str,
    arguments: &[&str],
    rules: &str,
    seed: &str,
) {
    place.write("schemathesis.toml", rules);
    let output = Command::new(variable("LOTSE_SCHEMATHESIS"))
        .args(["run", document])
        .args(arguments)
        .args(["--phases", "examples,coverage,fuzzing,stateful"])
        .args(["--max-examples", "60", "--workers", "1", "--seed", seed, "--no-color"])
        .current_dir(place.path(""))
        .env("HOME", place.path("home"))
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{found}{}", String::from_utf8_lossy(&output.stderr));
}

//! Files: their size, their names, their opening words, and the lints of their crate.

use std::path::Path;

use super::Finding;
use crate::error::Error;
use crate::workspace::{Package, rust_files};

/// Lines of code above which a file should be split.
const SOFT_LINES: usize = 400;
/// Lines of code above which it must be.
const HARD_LINES: usize = 800;
/// Names that say nothing, so that everything lands in them.
const EMPTY_NAMES: [&str; 6] =
    ["utils.rs", "util.rs", "common.rs", "helpers.rs", "misc.rs", "mod.rs"];

/// Everything wrong with the files of one crate.
pub(super) fn check(package: &Package, root: &Path) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let manifest = read(package.manifest())?;
    if !has_workspace_lints(&manifest) {
        findings.push(Finding::Hard(format!(
            "crate `{}` does not take the workspace lints: add `[lints]` with `workspace = true`",
            package.name
        )));
    }
    for part in ["src", "tests", "benches"] {
        for file in rust_files(&package.dir().join(part))? {
            let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
            findings.extend(check_file(&name, &read(&file)?));
        }
    }
    Ok(findings)
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(Error::file("read", path))
}

/// Checks one file; `name` is its path in the checkout.
fn check_file(name: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = code_lines(text);
    if lines > HARD_LINES {
        findings.push(Finding::Hard(format!(
            "{name} has {lines} lines of code, {HARD_LINES} is the limit: split it"
        )));
    } else if lines > SOFT_LINES {
        findings
            .push(Finding::Soft(format!("{name} has {lines} lines of code, aim at {SOFT_LINES}")));
    }
    let file = name.rsplit('/').next().unwrap_or(name);
    if EMPTY_NAMES.contains(&file) {
        findings.push(Finding::Hard(format!(
            "{name}: name the file after what it holds, not `{file}`"
        )));
    }
    if let Some((_, inside)) = name.split_once("/tests/")
        && !inside.starts_with("it/")
    {
        findings.push(Finding::Hard(format!(
            "{name}: one test program per crate, a module of tests/it/main.rs"
        )));
    }
    // The tests of a module, moved out of its file, stand under the module's story.
    if name.contains("/src/") && file != "tests.rs" && !text.trim_start().starts_with("//!") {
        findings.push(Finding::Hard(format!("{name} does not begin with its story (`//!`)")));
    }
    for (number, line) in text.lines().enumerate() {
        if line.trim() == concat!("#[", "ignore]") {
            findings.push(Finding::Hard(format!(
                "{name}:{}: an ignored test says what it needs: #[ignore = \"real: …\"]",
                number + 1
            )));
        }
    }
    findings
}

/// Lines that are neither empty nor comment.
fn code_lines(text: &str) -> usize {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

/// Whether a manifest says `[lints] workspace = true`.
fn has_workspace_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    lines
        .find(|line| !line.is_empty())
        .is_some_and(|line| line.replace(' ', "") == "workspace=true")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORY: &str = "//! Story.\n";

    fn hard(name: &str, text: &str) -> bool {
        check_file(name, text).iter().any(|finding| matches!(finding, Finding::Hard(_)))
    }

    #[test]
    fn comments_and_empty_lines_are_free() {
        assert_eq!(code_lines("//! a\n\n/// b\nfn c() {\n    // d\n}\n"), 2);
    }

    #[test]
    fn size_is_advice_first_and_law_later() {
        let lines = |n: usize| STORY.to_owned() + &"a();\n".repeat(n);
        assert_eq!(check_file("crates/a/src/b.rs", &lines(SOFT_LINES)), []);
        let soft = check_file("crates/a/src/b.rs", &lines(SOFT_LINES + 1));
        assert!(matches!(*soft, [Finding::Soft(_)]), "{soft:?}");
        assert!(hard("crates/a/src/b.rs", &lines(HARD_LINES + 1)));
    }

    #[test]
    fn names_must_say_something() {
        assert!(hard("crates/a/src/utils.rs", STORY));
        assert!(hard("crates/a/src/b/mod.rs", STORY));
        assert!(!hard("crates/a/src/retry.rs", STORY));
    }

    #[test]
    fn a_second_test_program_is_refused() {
        assert!(hard("crates/a/tests/extra.rs", STORY));
        assert!(!hard("crates/a/tests/it/main.rs", STORY));
    }

    #[test]
    fn ignored_tests_give_their_reason() {
        let bare = format!("{STORY}#[{}]\nfn a() {{}}\n", "ignore");
        assert!(hard("crates/a/src/b.rs", &bare));
        assert!(!hard("crates/a/src/b.rs", "//! S.\n#[ignore = \"real: x\"]\nfn a() {}\n"));
    }

    #[test]
    fn lints_are_found_where_they_stand() {
        assert!(has_workspace_lints("[lints]\nworkspace = true\n"));
        assert!(!has_workspace_lints("[lints.rust]\nunsafe_code = \"allow\"\n"));
    }
}

//! Testcases that Lotse does not have, judged by the scope's own executables.
//!
//! A scope names the program that judges a testcase. That is foreign code, which is run only if the user
//! says so, in a process group of its own, with an environment that holds nothing but what the scope and
//! the user name, and not for ever. What it writes is judged as the upstream tools judge it: a line
//! `ID: PASS`, `ID: ABORT` or `ID: FAIL` for each testcase, split at the last colon; of a testcase of
//! which it says nothing, nothing is known.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use lotse_core::error::chain;
use lotse_run::child::{Ended, Supervised};
use serde::{Deserialize, Serialize};

use crate::model::Verdict;
use crate::spec::{Script, Spec};
use crate::testcase::Testcase;

/// How foreign executables are run.
#[derive(Clone, Debug)]
pub struct Permit {
    /// The directory to which their paths are relative: that of the scope file.
    pub directory: PathBuf,
    /// The whole environment, before what the scope adds.
    pub environment: BTreeMap<String, String>,
    /// Values of the variables of the scope.
    pub assignments: BTreeMap<String, String>,
    /// How long each may run.
    pub deadline: Duration,
}

/// What an executable said of a testcase.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Executed {
    /// Its verdict; missing if it said nothing.
    pub verdict: Verdict,
    /// Which executable.
    pub executable: String,
    /// What it complained about, or why it said nothing.
    pub lines: Vec<String>,
}

/// So many lines of complaints are kept for each executable.
const MOST_LINES: usize = 20;
/// So many characters of each.
const LONGEST: usize = 300;

/// Runs the executables of those testcases that Lotse does not have.
pub async fn execute<'a>(
    spec: &Spec,
    wanted: impl IntoIterator<Item = &'a str>,
    permit: &Permit,
) -> BTreeMap<String, Executed> {
    let wanted: Vec<&str> = wanted.into_iter().filter(|id| Testcase::find(id).is_none()).collect();
    let mut found = BTreeMap::new();
    for script in &spec.scripts {
        let ids: Vec<&str> = wanted
            .iter()
            .copied()
            .filter(|id| script.testcases.iter().any(|own| own == id))
            .collect();
        if ids.is_empty() || script.executable.is_empty() {
            continue;
        }
        let (verdicts, lines) = match command(spec, script, &ids, permit) {
            Ok(command) => match command.run().await {
                Ok(ended) => said(&ended, &ids),
                Err(error) => (BTreeMap::new(), vec![chain(&error)]),
            },
            Err(why) => (BTreeMap::new(), vec![why]),
        };
        for id in ids {
            let executed = Executed {
                verdict: verdicts.get(id).copied().unwrap_or(Verdict::Missing),
                executable: script.executable.clone(),
                lines: lines.clone(),
            };
            found.insert(id.to_owned(), executed);
        }
    }
    found
}

/// The command of a script, with its templates filled in.
fn command(
    spec: &Spec,
    script: &Script,
    ids: &[&str],
    permit: &Permit,
) -> Result<Supervised, String> {
    let mut values: BTreeMap<&str, String> = BTreeMap::new();
    for (name, default) in &spec.variables {
        if let Some(value) = permit.assignments.get(name).or(default.as_ref()) {
            values.insert(name, value.clone());
        }
    }
    for (name, value) in &permit.assignments {
        values.insert(name, value.clone());
    }
    values.insert("testcases", ids.join(" "));
    let mut command = Supervised::new(permit.directory.join(&script.executable), permit.deadline);
    command.directory = Some(permit.directory.clone());
    for word in words(&filled(&script.args, &values)?)? {
        command = command.arg(word);
    }
    let mut environment = permit.environment.clone();
    for (name, template) in &script.env {
        environment.insert(name.clone(), filled(template, &values)?);
    }
    Ok(environment.into_iter().fold(command, |command, (name, value)| command.env(name, value)))
}

/// A template with braces: `{name}` stands for a value, doubled braces for themselves.
fn filled(template: &str, values: &BTreeMap<&str, String>) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some(place) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(place);
        text.push_str(before);
        if let Some(after) = from.strip_prefix("{{") {
            text.push('{');
            rest = after;
        } else if let Some(after) = from.strip_prefix("}}") {
            text.push('}');
            rest = after;
        } else {
            let inside = from.strip_prefix('{').and_then(|from| from.split_once('}'));
            let (name, after) = inside.ok_or_else(|| format!("\"{template}\" has an odd brace"))?;
            let value = values.get(name);
            text.push_str(value.ok_or_else(|| {
                format!("the variable {name} has no value; give it one with --assign")
            })?);
            rest = after;
        }
    }
    Ok(text + rest)
}

/// The words of a command line, with the quotes of a POSIX shell and nothing else of it.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut marks = line.chars();
    while let Some(mark) = marks.next() {
        match (mark, quote) {
            (mark, Some(open)) if mark == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(marks.next()),
            ('\'' | '"', None) => {
                word.get_or_insert_default();
                quote = Some(mark);
            }
            (mark, None) if mark.is_whitespace() => words.extend(word.take()),
            (mark, _) => word.get_or_insert_default().push(mark),
        }
    }
    if quote.is_some() {
        return Err(format!("a quote in \"{line}\" has no end"));
    }
    words.extend(word);
    Ok(words)
}

/// The verdicts in what it wrote, of the testcases that it was asked for, and its complaints.
fn said(ended: &Ended, ids: &[&str]) -> (BTreeMap<String, Verdict>, Vec<String>) {
    let verdicts = verdicts(&ended.stdout.text(), ids);
    let mut lines: Vec<String> = ended
        .stderr
        .text()
        .lines()
        .filter(|line| ["WARNING", "ERROR", "CRITICAL"].iter().any(|level| line.starts_with(level)))
        .take(MOST_LINES)
        .map(|line| line.chars().filter(|mark| !mark.is_control()).take(LONGEST).collect())
        .collect();
    if ended.timed_out {
        lines.push(format!("it was ended after {} s", ended.duration.as_secs()));
    } else if verdicts.is_empty() {
        lines.push(format!("it said nothing of the testcases and ended with {}", ended.status));
    }
    (verdicts, lines)
}

fn verdicts(text: &str, ids: &[&str]) -> BTreeMap<String, Verdict> {
    let verdict = |line: &str| {
        let (id, word) = line.rsplit_once(':')?;
        let id = ids.iter().find(|known| **known == id.trim())?;
        let verdict = match word.trim().to_ascii_uppercase().as_str() {
            "PASS" => Verdict::Pass,
            "ABORT" => Verdict::Abort,
            "FAIL" => Verdict::Fail,
            _ => return None,
        };
        Some(((*id).to_owned(), verdict))
    };
    text.lines().filter_map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> BTreeMap<&'static str, String> {
        [("testcases", "a b".to_owned()), ("cloud", "my cloud".to_owned())].into()
    }

    #[test]
    fn templates_are_filled_in_and_doubled_braces_stay_single() {
        let filled = |template| filled(template, &values());
        assert_eq!(filled("-c {cloud} {{x}} {testcases}").unwrap(), "-c my cloud {x} a b");
        assert!(filled("{nobody}").unwrap_err().contains("nobody has no value"));
        assert!(filled("{open").is_err());
        assert!(filled("close}").is_err());
    }

    #[test]
    fn a_line_is_split_into_words_without_a_shell() {
        assert_eq!(
            words(r#" a  'b c' "d \"e" f\ g $(h) '' "#).unwrap(),
            ["a", "b c", "d \"e", "f g", "$(h)", ""]
        );
        assert!(words("'open").is_err());
    }

    #[test]
    fn verdicts_are_read_at_the_last_colon_and_foreign_ids_are_ignored() {
        let text = "a: pass\nb: x: FAIL\nb:Abort\nc: PASS\na\nb: maybe\n";
        let found = verdicts(text, &["a", "b", "b: x"]);
        let wanted = [("a", Verdict::Pass), ("b", Verdict::Abort), ("b: x", Verdict::Fail)];
        assert_eq!(found, wanted.map(|(id, verdict)| (id.to_owned(), verdict)).into());
    }
}

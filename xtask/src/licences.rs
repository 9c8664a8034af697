//! `cargo xtask licences`: the part of `deny.toml` that can be checked with cargo alone.
//!
//! cargo-deny is the full check, but it takes minutes to install. Licences, banned crates and unknown
//! registries are judged here on every run from `cargo metadata`, with the lists of `deny.toml`, so
//! that the two cannot disagree. What this leaves to cargo-deny: advisories, duplicate versions and
//! the licence texts themselves.

use crate::environment::Environment;
use crate::error::Error;
use crate::workspace::{self, Metadata};

/// The registry all foreign crates come from.
const PUBLIC_REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The lists of `deny.toml`.
#[derive(Debug)]
struct Rules {
    allowed: Vec<String>,
    banned: Vec<String>,
}

/// Checks and prints; an error when a dependency breaks a rule.
pub(crate) fn run(env: &Environment) -> Result<(), Error> {
    let path = env.root.join("deny.toml");
    let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    let problems = judge(&Rules::parse(&text)?, &workspace::everything(env)?);
    for problem in &problems {
        anstream::println!("  error: {problem}");
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::ChecksFailed) }
}

impl Rules {
    /// Reads the two lists; `deny.toml` keeps one entry a line for this.
    fn parse(text: &str) -> Result<Self, Error> {
        let rules = Self {
            allowed: list(text, "[licenses]", "allow"),
            banned: list(text, "[bans]", "deny"),
        };
        if rules.allowed.is_empty() || rules.banned.is_empty() {
            return Err(Error::Answer {
                program: "deny.toml".to_owned(),
                detail: "no `allow` list in [licenses] or no `deny` list in [bans]".to_owned(),
            });
        }
        Ok(rules)
    }
}

/// The quoted first word of each line of `key = [ … ]` in a section.
fn list(text: &str, section: &str, key: &str) -> Vec<String> {
    let opening = format!("{key} = [");
    text.lines()
        .map(str::trim)
        .skip_while(|line| *line != section)
        .skip(1)
        .take_while(|line| !(line.starts_with('[') && line.ends_with(']')))
        .skip_while(|line| *line != opening)
        .skip(1)
        .take_while(|line| *line != "]")
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split('"').nth(1))
        .map(str::to_owned)
        .collect()
}

fn judge(rules: &Rules, all: &Metadata) -> Vec<String> {
    let used = |id: &str| {
        all.resolve.as_ref().is_none_or(|graph| graph.nodes.iter().any(|node| node.id == id))
    };
    let mut problems = Vec::new();
    for package in all.packages.iter().filter(|package| used(&package.id)) {
        let name = format!("{} {}", package.name, package.version);
        if rules.banned.contains(&package.name) {
            problems.push(format!("{name} is banned, see deny.toml for what to use instead"));
        }
        match &package.license {
            None => problems.push(format!("{name} names no licence")),
            Some(expression) if !allows(&rules.allowed, expression) => {
                problems.push(format!("{name}: licence `{expression}` is not on the list"));
            }
            Some(_) => {}
        }
        if package.source.as_deref().is_some_and(|source| source != PUBLIC_REGISTRY) {
            problems.push(format!("{name} does not come from the public registry"));
        }
    }
    problems
}

/// Whether an SPDX expression can be met with allowed licences (`/` is the old way to write `OR`).
fn allows(allowed: &[String], expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Expression { allowed, words: &words, broken: false };
    reader.any() && reader.words.is_empty() && !reader.broken
}

/// A recursive-descent reader that evaluates while it reads.
struct Expression<'a> {
    allowed: &'a [String],
    words: &'a [&'a str],
    broken: bool,
}

impl Expression<'_> {
    fn take(&mut self, word: &str) -> bool {
        let found = self.words.first() == Some(&word);
        if found {
            self.skip();
        }
        found
    }

    fn skip(&mut self) {
        self.words = self.words.get(1..).unwrap_or_default();
    }

    // `|` and `&`, not `||` and `&&`: the right side must be read even when the left has decided.
    fn any(&mut self) -> bool {
        let mut holds = self.all();
        while self.take("OR") {
            holds |= self.all();
        }
        holds
    }

    fn all(&mut self) -> bool {
        let mut holds = self.one();
        while self.take("AND") {
            holds &= self.one();
        }
        holds
    }

    fn one(&mut self) -> bool {
        if self.take("(") {
            let holds = self.any();
            return self.take(")") && holds;
        }
        let Some(id) = self.words.first().copied() else {
            self.broken = true;
            return false;
        };
        self.skip();
        let mut id = id.to_owned();
        if self.take("WITH") {
            id = format!("{id} WITH {}", self.words.first().copied().unwrap_or_default());
            self.skip();
        }
        self.allowed.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mit_and_apache(expression: &str) -> bool {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
        allows(&allowed, expression)
    }

    #[test]
    fn one_allowed_side_of_an_or_is_enough() {
        assert!(mit_and_apache("MIT OR GPL-3.0-only"));
        assert!(mit_and_apache("GPL-3.0-only/MIT"));
        assert!(!mit_and_apache("GPL-2.0-only OR GPL-3.0-only"));
    }

    #[test]
    fn both_sides_of_an_and_must_be_allowed() {
        assert!(mit_and_apache("(MIT OR ISC) AND Apache-2.0"));
        assert!(!mit_and_apache("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!mit_and_apache("MIT AND ISC OR ISC"));
    }

    #[test]
    fn exceptions_belong_to_the_licence() {
        assert!(mit_and_apache("Apache-2.0 WITH LLVM-exception"));
        assert!(!mit_and_apache("MIT WITH Something-else"));
    }

    #[test]
    fn broken_expressions_are_refused() {
        for broken in ["", "MIT OR", "(MIT", "MIT)", "MIT MIT"] {
            assert!(!mit_and_apache(broken), "{broken:?}");
        }
    }

    #[test]
    fn the_lists_come_from_the_file_that_cargo_deny_reads() {
        let rules = Rules::parse(include_str!("../../deny.toml")).unwrap();
        assert!(rules.allowed.iter().any(|id| id == "Apache-2.0"), "{rules:?}");
        assert!(rules.banned.iter().any(|name| name == "openssl"), "{rules:?}");
    }

    #[test]
    fn a_banned_crate_a_foreign_registry_and_a_missing_licence_are_named() {
        let rules = Rules { allowed: vec!["MIT".to_owned()], banned: vec!["bad".to_owned()] };
        let all = serde_json::from_str(
            r#"{"packages": [{"id": "1", "name": "bad", "version": "1.0.0", "license": null,
                "source": "git+https://example.org/bad", "dependencies": [],
                "manifest_path": "/bad/Cargo.toml"}], "resolve": null}"#,
        )
        .unwrap();
        let problems = judge(&rules, &all);
        assert_eq!(problems.len(), 3, "{problems:?}");
    }
}

//! From the file to the scope, with all complaints at once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use lotse_core::declared::{DeclaredError, Diagnostic, Node, SourceFile, Span, Value, parse};
use lotse_scs::Mode;

use super::{Declared, Lifetime, MAIN, Moment, Script, Spec, Validity, Version};

/// Groups within groups deeper than this are a mistake.
const DEEPEST: usize = 16;

/// The keys of the first generation, as upstream's loader knows them.
mod keys {
    pub(super) const SPEC: &[&str] = &[
        "uuid",
        "name",
        "url",
        "versions",
        "prerequisite",
        "variables",
        "scripts",
        "modules",
        "timeline",
    ];
    pub(super) const SPEC_OF_GROUPS: &[&str] = &[
        "uuid",
        "name",
        "url",
        "versions",
        "prerequisite",
        "variables",
        "scripts",
        "groups",
        "timeline",
        "testcases",
    ];
    pub(super) const SCRIPT: &[&str] = &["executable", "env", "args", "testcases"];
    pub(super) const TESTCASE: &[&str] = &["id", "lifetime", "section", "description", "url"];
    pub(super) const MODULE: &[&str] = &["id", "name", "url", "parameters", "targets"];
    pub(super) const GROUP: &[&str] = &["id", "name", "url", "include"];
    pub(super) const VERSION: &[&str] = &["version", "include", "targets", "stabilized_at"];
    pub(super) const VERSION_OF_GROUPS: &[&str] = &["version", "attn", "test", "stabilized_at"];
    pub(super) const INCLUDE: &[&str] = &["ref", "parameters"];
    pub(super) const MOMENT: &[&str] = &["date", "versions"];
}

/// Reads a scope.
pub(super) fn load(file: &SourceFile, mode: Mode) -> Result<Spec, DeclaredError> {
    let invalid = |diagnostics| DeclaredError::Invalid { diagnostics };
    let tree = parse(file).map_err(invalid)?;
    let mut loader = Loader { file, mode, complaints: Vec::new(), notes: Vec::new() };
    let spec = loader.spec(&tree);
    if loader.complaints.is_empty() { Ok(spec) } else { Err(invalid(loader.complaints)) }
}

struct Loader<'a> {
    file: &'a SourceFile,
    mode: Mode,
    complaints: Vec<Diagnostic>,
    notes: Vec<Diagnostic>,
}

impl Loader<'_> {
    fn spec(&mut self, tree: &Node) -> Spec {
        let groups = tree.get("groups").is_some();
        let known = if groups { keys::SPEC_OF_GROUPS } else { keys::SPEC };
        self.mapping(tree, "a scope", known);
        let mut testcases = self.testcases(tree);
        let versions = if groups {
            self.grouped(tree, &mut testcases)
        } else {
            self.modular(tree, &testcases)
        };
        for version in versions.iter().filter(|version| version.stabilized_at.is_some()) {
            for id in version.target(MAIN) {
                if let Some(testcase) = testcases.get_mut(id) {
                    testcase.attention += 1;
                }
            }
        }
        let timeline = self.timeline(tree, &versions);
        Spec {
            uuid: self.wanted(tree, "uuid"),
            name: self.wanted(tree, "name"),
            url: text(tree.get("url")).unwrap_or_default(),
            variables: variables(tree),
            scripts: scripts(tree),
            testcases,
            versions,
            timeline,
            notes: std::mem::take(&mut self.notes),
        }
    }

    fn testcases(&mut self, tree: &Node) -> BTreeMap<String, Declared> {
        let mut all = BTreeMap::new();
        for script in items(tree, "scripts") {
            self.mapping(script, "a script", keys::SCRIPT);
            let manual = script.get("executable").is_none();
            for testcase in items(script, "testcases") {
                self.testcase(testcase, manual, &mut all);
            }
        }
        for testcase in items(tree, "testcases") {
            self.testcase(testcase, false, &mut all);
        }
        all
    }

    fn testcase(&mut self, node: &Node, manual: bool, all: &mut BTreeMap<String, Declared>) {
        self.mapping(node, "a testcase", keys::TESTCASE);
        let Some(id) = self.id(node, "id") else { return };
        let lifetime = match node.get("lifetime").map(|node| (&*node.raw, node.span)) {
            None => Lifetime::default(),
            Some((word, span)) => Lifetime::of(word.as_bytes()).unwrap_or_else(|| {
                self.complain(span, "a lifetime is day, week, month, quarter or year");
                Lifetime::default()
            }),
        };
        let declared = Declared {
            lifetime,
            section: text(node.get("section")),
            description: text(node.get("description")).unwrap_or_default(),
            url: text(node.get("url")).unwrap_or_default(),
            manual,
            attention: 0,
        };
        if all.insert(id.clone(), declared).is_some() {
            self.complain(node.span, format!("the testcase \"{id}\" is declared twice"));
        }
    }

    /// The versions of the first generation: unions of modules.
    fn modular(&mut self, tree: &Node, testcases: &BTreeMap<String, Declared>) -> Vec<Version> {
        let mut modules: BTreeMap<String, &Node> = BTreeMap::new();
        for module in items(tree, "modules") {
            self.mapping(module, "a module", keys::MODULE);
            let Some(id) = self.id(module, "id") else { continue };
            for target in entries(module, "targets") {
                for testcase in target.value.items() {
                    if !testcases.contains_key(&*testcase.raw) {
                        self.complain(testcase.span, unknown("testcase", &testcase.raw));
                    }
                }
            }
            if modules.insert(id.clone(), module).is_some() {
                self.complain(module.span, format!("the module \"{id}\" is declared twice"));
            }
        }
        let mut versions: Vec<Version> = Vec::new();
        for node in items(tree, "versions") {
            self.mapping(node, "a version", keys::VERSION);
            let mut targets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for include in items(node, "include") {
                let named = include.get("ref").unwrap_or(include);
                if !include.entries().is_empty() {
                    self.known(include, "an included module", keys::INCLUDE);
                    self.unused(include, &named.raw);
                }
                let Some(module) = modules.get(&*named.raw) else {
                    self.complain(named.span, unknown("module", &named.raw));
                    continue;
                };
                for target in entries(module, "targets") {
                    let ids = target.value.items().iter().map(|testcase| testcase.raw.to_string());
                    targets.entry(target.key.to_string()).or_default().extend(ids);
                }
            }
            let targets =
                targets.into_iter().map(|(name, ids)| (name, ids.into_iter().collect())).collect();
            self.version(node, targets, &mut versions);
        }
        versions
    }

    /// The versions of the second generation: one group each. Its testcases need not be declared
    /// elsewhere.
    fn grouped(&mut self, tree: &Node, testcases: &mut BTreeMap<String, Declared>) -> Vec<Version> {
        let mut groups: BTreeMap<String, &Node> = BTreeMap::new();
        for group in items(tree, "groups") {
            self.mapping(group, "a group", keys::GROUP);
            let Some(id) = self.id(group, "id") else { continue };
            if groups.insert(id.clone(), group).is_some() {
                self.complain(group.span, format!("the group \"{id}\" is declared twice"));
            }
        }
        let mut versions: Vec<Version> = Vec::new();
        for node in items(tree, "versions") {
            self.mapping(node, "a version", keys::VERSION_OF_GROUPS);
            let mut ids = BTreeSet::new();
            if let Some(test) = node.get("test") {
                if groups.contains_key(&*test.raw) {
                    self.flatten(&groups, test, &mut ids, DEEPEST);
                } else {
                    self.complain(test.span, unknown("group", &test.raw));
                }
            }
            for (id, url) in &ids {
                let declared = testcases.entry(id.clone()).or_default();
                if declared.url.is_empty() {
                    declared.url.clone_from(url);
                }
            }
            let ids = ids.into_iter().map(|(id, _)| id).collect();
            self.version(node, [(MAIN.to_owned(), ids)].into(), &mut versions);
        }
        versions
    }

    fn flatten(
        &mut self,
        groups: &BTreeMap<String, &Node>,
        name: &Node,
        ids: &mut BTreeSet<(String, String)>,
        depth: usize,
    ) {
        if depth == 0 {
            self.complain(name.span, "groups contain each other, or are nested too deep");
            return;
        }
        let Some(group) = groups.get(&*name.raw) else { return };
        let url = text(group.get("url")).unwrap_or_default();
        for included in items(group, "include") {
            if groups.contains_key(&*included.raw) {
                self.flatten(groups, included, ids, depth - 1);
                if !self.complaints.is_empty() {
                    return;
                }
            } else {
                ids.insert((included.raw.to_string(), url.clone()));
            }
        }
    }

    fn version(
        &mut self,
        node: &Node,
        targets: BTreeMap<String, Vec<String>>,
        versions: &mut Vec<Version>,
    ) {
        let Some(name) = self.id(node, "version") else { return };
        if versions.iter().any(|version| version.name == name) {
            self.complain(node.span, format!("the version \"{name}\" is declared twice"));
        }
        let stabilized_at = node.get("stabilized_at").and_then(|date| self.date(date));
        versions.push(Version { name, stabilized_at, targets });
    }

    fn timeline(&mut self, tree: &Node, versions: &[Version]) -> Vec<Moment> {
        let mut timeline = Vec::new();
        for node in items(tree, "timeline") {
            self.mapping(node, "an entry of the timeline", keys::MOMENT);
            let Some(date) = node.get("date") else {
                self.complain(node.span, "an entry of the timeline has a date");
                continue;
            };
            let date = self.date(date);
            let mut counts = BTreeMap::new();
            for entry in entries(node, "versions") {
                if !versions.iter().any(|version| version.name == *entry.key) {
                    self.complain(entry.key_span, unknown("version", &entry.key));
                }
                match Validity::of(entry.value.raw.as_bytes()) {
                    Some(validity) => {
                        counts.insert(entry.key.to_string(), validity);
                    }
                    None => self.complain(
                        entry.value.span,
                        "a version is draft, effective, warn or deprecated",
                    ),
                }
            }
            timeline.extend(date.map(|date| Moment { date, versions: counts }));
        }
        timeline.sort_by_key(|moment: &Moment| std::cmp::Reverse(moment.date));
        timeline
    }

    fn date(&mut self, node: &Node) -> Option<Date> {
        let date = node.raw.parse().ok();
        if date.is_none() {
            self.complain(node.span, "a date is written as 2026-01-31");
        }
        date
    }

    fn wanted(&mut self, node: &Node, key: &str) -> String {
        text(node.get(key)).unwrap_or_else(|| {
            self.complain(node.span, format!("a scope has a {key}"));
            String::new()
        })
    }

    fn id(&mut self, node: &Node, key: &str) -> Option<String> {
        let id = text(node.get(key));
        if id.is_none() {
            self.complain(node.span, format!("\"{key}\" is missing here"));
        }
        id
    }

    fn mapping(&mut self, node: &Node, what: &str, known: &[&str]) {
        if matches!(node.value, Value::Mapping(_)) {
            self.known(node, what, known);
        } else {
            self.complain(node.span, format!("{what} is a mapping, not {}", node.describe()));
        }
    }

    fn known(&mut self, node: &Node, what: &str, known: &[&str]) {
        for entry in node.entries() {
            if !known.contains(&&*entry.key) {
                let message = format!("{what} has no key \"{}\"", entry.key);
                let diagnostic = self.file.complain(entry.key_span, message);
                match self.mode {
                    Mode::Upstream => self.complaints.push(diagnostic),
                    Mode::Standard => self.notes.push(diagnostic),
                }
            }
        }
    }

    /// Testcases know what they look for; parameters reach no more than executables.
    fn unused(&mut self, include: &Node, module: &str) {
        if let (Some(parameters), Mode::Standard) = (include.get("parameters"), self.mode) {
            let message =
                format!("the parameters of \"{module}\" are used by no testcase of Lotse's own");
            self.notes.push(self.file.complain(parameters.span, message));
        }
    }

    fn complain(&mut self, span: Span, message: impl Into<String>) {
        self.complaints.push(self.file.complain(span, message));
    }
}

/// What executables want to be told: names alone have no default, mappings give some.
fn variables(tree: &Node) -> BTreeMap<String, Option<String>> {
    let mut variables = BTreeMap::new();
    for node in items(tree, "variables") {
        let defaults = node.entries();
        if defaults.is_empty() {
            variables.insert(node.raw.to_string(), None);
        }
        for entry in defaults {
            variables.insert(entry.key.to_string(), Some(entry.value.raw.to_string()));
        }
    }
    variables
}

fn scripts(tree: &Node) -> Vec<Script> {
    let script = |node: &Node| {
        let env = entries(node, "env").iter();
        Some(Script {
            executable: text(node.get("executable"))?,
            args: text(node.get("args")).unwrap_or_default(),
            env: env.map(|one| (one.key.to_string(), one.value.raw.to_string())).collect(),
            testcases: items(node, "testcases")
                .iter()
                .filter_map(|one| text(one.get("id")))
                .collect(),
        })
    };
    items(tree, "scripts").iter().filter_map(script).collect()
}

fn unknown(what: &str, name: &str) -> String {
    format!("there is no {what} \"{name}\"")
}

fn text(node: Option<&Node>) -> Option<String> {
    node.map(|node| node.raw.to_string()).filter(|text| !text.is_empty())
}

fn items<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).map_or(&[], Node::items)
}

fn entries<'a>(node: &'a Node, key: &str) -> &'a [lotse_core::declared::Entry] {
    node.get(key).map_or(&[], Node::entries)
}

//! The same changes for other tools: what they would have to be told.

use std::fmt::Write as _;

use lotse_plan::Plan;
use serde_json::{Map, Value};

use super::Operation;

/// For which tool.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tool {
    /// Commands of python-openstackclient.
    OpenStack,
    /// Resources of the `OpenTofu` (and Terraform) provider for OpenStack.
    OpenTofu,
    /// Definitions of flavors for flavor managers.
    Flavors,
}

/// The changes of a plan for a tool. What it has no words for is a comment.
pub fn export(plan: &Plan<Operation>, tool: Tool) -> String {
    let mut text = String::new();
    let operations = plan.steps().iter().map(|step| &step.operation);
    if tool == Tool::Flavors {
        return flavors(operations);
    }
    for (number, step) in plan.steps().iter().enumerate() {
        // Writing to a string cannot fail.
        writeln!(text, "# {}: {}", step.name.replace(['\n', '\r'], " "), step.reason).ok();
        match tool {
            Tool::OpenTofu => tofu(&mut text, number, &step.operation),
            _ => command(&mut text, &step.operation),
        }
    }
    for note in plan.notes() {
        let line = format!("{}: {}", note.subject, note.text).replace(['\n', '\r'], " ");
        writeln!(text, "# not done: {line}").ok();
    }
    text
}

/// A word for a POSIX shell.
fn shell(word: &str) -> String {
    let plain = |mark: char| mark.is_ascii_alphanumeric() || "-_./:=,@%+".contains(mark);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn properties<'a>(values: impl IntoIterator<Item = (&'a String, &'a Value)>) -> String {
    let one = |(key, value): (&String, &Value)| {
        format!(" --property {}", shell(&format!("{key}={}", plain(value))))
    };
    values.into_iter().map(one).collect()
}

fn command(text: &mut String, operation: &Operation) {
    // Writing to a string cannot fail.
    match operation {
        Operation::CreateFlavor { name, vcpus, ram, disk, specs } => writeln!(
            text,
            "openstack flavor create --public --vcpus {vcpus} --ram {ram} --disk {disk}{} {}",
            properties(specs),
            shell(name)
        ),
        Operation::SetSpecs { id, specs } => {
            writeln!(text, "openstack flavor set{} {}", properties(specs), shell(id))
        }
        Operation::SetProperties { id, replaced, added } => {
            let all = replaced.iter().chain(added);
            let (own, further): (Vec<_>, Vec<_>) = all.partition(|(key, _)| *key == "min_disk");
            let own = own.iter().map(|(_, value)| format!(" --min-disk {}", plain(value)));
            let own: String = own.collect();
            writeln!(text, "openstack image set{own}{} {}", properties(further), shell(id))
        }
        Operation::Describe { id, description } => writeln!(
            text,
            "openstack volume type set --description {} {}",
            shell(description),
            shell(id)
        ),
        Operation::CreateRule { ethertype } => writeln!(
            text,
            "openstack default security group rule create --egress --ethertype {ethertype} \
             --for-default-sg --for-custom-sg"
        ),
        Operation::DeleteRule { id } => {
            writeln!(text, "openstack default security group rule delete {}", shell(id))
        }
    }
    .ok();
}

/// Text of HCL: as JSON, with the beginnings of templates doubled.
fn hcl(value: &str) -> String {
    Value::String(value.to_owned()).to_string().replace("${", "$${").replace("%{", "%%{")
}

fn tofu(text: &mut String, number: usize, operation: &Operation) {
    let map = |specs: &Map<String, Value>| {
        let line = |(key, value): (&String, &Value)| {
            format!("    {} = {}\n", hcl(key), hcl(&plain(value)))
        };
        specs.iter().map(line).collect::<String>()
    };
    // Writing to a string cannot fail.
    match operation {
        Operation::CreateFlavor { name, vcpus, ram, disk, specs } => writeln!(
            text,
            "resource \"openstack_compute_flavor_v2\" \"flavor_{number}\" {{\n  name      = {}\n  \
             vcpus     = {vcpus}\n  ram       = {ram}\n  disk      = {disk}\n  is_public = true\n  \
             extra_specs = {{\n{}  }}\n}}",
            hcl(name),
            map(specs)
        ),
        // What is there is not theirs to describe: a resource would take it over as a whole.
        other => write!(text, "{}", commented(other)),
    }
    .ok();
}

/// The commands for something, as comments. A value may have several lines.
fn commented(operation: &Operation) -> String {
    let mut commands = String::new();
    command(&mut commands, operation);
    commands.lines().fold(String::new(), |text, line| text + "# " + line + "\n")
}

fn flavors<'a>(operations: impl Iterator<Item = &'a Operation>) -> String {
    let (mut text, mut rest) = ("flavors:\n".to_owned(), String::new());
    let quoted = |plain: &str| Value::String(plain.to_owned()).to_string();
    for operation in operations {
        let Operation::CreateFlavor { name, vcpus, ram, disk, specs } = operation else {
            rest.push_str(&commented(operation));
            continue;
        };
        // Writing to a string cannot fail.
        writeln!(
            text,
            "  - name: {}\n    cpus: {vcpus}\n    ram: {ram}\n    disk: {disk}\n    public: true",
            quoted(name)
        )
        .ok();
        for (key, value) in specs {
            writeln!(text, "    {}: {}", quoted(key), quoted(&plain(value))).ok();
        }
    }
    let none = text.lines().count() == 1;
    if none { format!("flavors: []\n{rest}") } else { text + &rest }
}

//! `lotse flavor`: the names of flavors, read, explained and made.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufWriter, Write as _};

use lotse_core::error::ExitCode;
use lotse_scs::Mode;
use lotse_scs::flavor::{
    DiskType, FlavorName, ParseError, Syntax, each_extra_spec, explain, extra_specs,
};
use lotse_scs::standard_flavors::{self, Demand};
use serde_json::{Map, Value, json};

use crate::cli::flavor::{ExplainArguments, FlavorCommand, MakeArguments, NameArguments};
use crate::failure::{CommandResult, Error};
use crate::output;
use crate::settings::Globals;

/// Runs one of the commands.
pub(super) fn run(command: FlavorCommand, globals: &Globals) -> CommandResult {
    match command {
        FlavorCommand::Name(arguments) => names(&arguments, globals),
        FlavorCommand::Explain(arguments) => explained(&arguments, globals),
        FlavorCommand::Make(arguments) => made(&arguments, globals),
        FlavorCommand::Standard => standard(globals),
    }
}

/// Answers line by line, so that any number of names takes no memory.
fn names(arguments: &NameArguments, globals: &Globals) -> CommandResult {
    let mode = arguments.mode.into();
    let mut input = std::io::stdin().lock();
    let mut output = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let mut line = Vec::new();
    let (mut text, mut scratch) = (String::new(), String::new());
    loop {
        line.clear();
        let unreadable =
            |source| Error::File { action: "read", path: "standard input".to_owned(), source };
        if input.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            break;
        }
        let name = String::from_utf8_lossy(&line);
        let name = name.trim_end_matches(['\n', '\r']);
        if name.is_empty() {
            continue;
        }
        text.clear();
        if globals.json() {
            json_line(&mut text, &mut scratch, name, mode);
        } else {
            table_line(&mut text, name, mode);
        }
        match output.write_all(text.as_bytes()) {
            // The reader has seen enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                return Ok(ExitCode::Success);
            }
            other => other.map_err(Error::Output)?,
        }
    }
    match output.flush() {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::Output(error).into())
        }
        _ => Ok(ExitCode::Success),
    }
}

fn json_line(text: &mut String, scratch: &mut String, name: &str, mode: Mode) {
    text.push_str("{\"name\":");
    quote(text, name);
    match FlavorName::parse(name, mode) {
        Ok(parsed) => {
            text.push_str(",\"ok\":true,\"canonical\":\"");
            parsed.flavor.push_to(text, Syntax::V2);
            text.push_str("\",\"short\":\"");
            parsed.flavor.short().push_to(text, Syntax::V2);
            text.push_str("\",\"specs\":{");
            let mut before = "\"";
            each_extra_spec(&parsed.flavor, scratch, |key, value| {
                // Neither keys nor values have characters that JSON escapes.
                for part in [before, key, "\":\"", value, "\""] {
                    text.push_str(part);
                }
                before = ",\"";
            });
            text.push_str("},\"syntax\":\"");
            text.push_str(parsed.syntax.as_str());
            text.push_str("\"}\n");
        }
        Err(error) => {
            text.push_str(
                ",\"ok\":false,\"canonical\":null,\"short\":null,\"specs\":null,\"error\":",
            );
            quote(text, &error.problem.to_string());
            // Writing to a string cannot fail.
            writeln!(text, ",\"at\":{}}}", error.at).ok();
        }
    }
}

fn quote(text: &mut String, plain: &str) {
    let escaped = |byte: u8| byte < b' ' || matches!(byte, b'"' | b'\\');
    if plain.bytes().any(escaped) {
        text.push_str(&Value::String(plain.to_owned()).to_string());
    } else {
        for part in ["\"", plain, "\""] {
            text.push_str(part);
        }
    }
}

fn table_line(text: &mut String, name: &str, mode: Mode) {
    // Writing to a string cannot fail.
    match FlavorName::parse(name, mode) {
        Ok(parsed) => {
            let short = parsed.flavor.short();
            writeln!(text, "ok   {name}  canonical {}, short {short}", parsed.flavor)
        }
        Err(error) => writeln!(text, "bad  {name}  {error}"),
    }
    .ok();
}

fn explained(arguments: &ExplainArguments, globals: &Globals) -> CommandResult {
    let mode = arguments.mode.into();
    let read: Vec<_> =
        arguments.names.iter().map(|name| (name, FlavorName::parse(name, mode))).collect();
    if globals.json() {
        let all = read.iter().map(|(name, parsed)| {
            let flavor = parsed.as_ref().map(|parsed| parsed.flavor);
            as_json(name, flavor.as_ref().map_err(|error| **error))
        });
        output::json(globals, &Value::Array(all.collect()))?;
    } else {
        let mut text = String::new();
        for (name, parsed) in &read {
            match parsed {
                Ok(parsed) => people(&mut text, name, &parsed.flavor),
                Err(error) => {
                    // Writing to a string cannot fail.
                    write!(text, "{name}\n  {:>at$}\n  {error}\n", "^", at = error.at + 1).ok();
                }
            }
        }
        output::data(globals, &text)?;
    }
    let understood = read.iter().all(|(_, parsed)| parsed.is_ok());
    Ok(if understood { ExitCode::Success } else { ExitCode::VerdictsFailed })
}

fn as_json(name: &str, flavor: Result<&FlavorName, ParseError>) -> Value {
    match flavor {
        Ok(flavor) => {
            let parts: Vec<_> = explain(flavor)
                .into_iter()
                .map(|(about, text)| json!({ "about": about, "text": text }))
                .collect();
            let specs: Map<_, _> = extra_specs(flavor)
                .into_iter()
                .map(|(key, value)| (key.into_owned(), Value::String(value.into_owned())))
                .collect();
            json!({
                "name": name,
                "ok": true,
                "canonical": flavor.to_string(),
                "short": flavor.short().to_string(),
                "specs": specs,
                "parts": parts,
            })
        }
        Err(error) => {
            json!({ "name": name, "ok": false, "error": error.problem.to_string(), "at": error.at })
        }
    }
}

fn people(text: &mut String, name: &str, flavor: &FlavorName) {
    // Writing to a string cannot fail.
    writeln!(text, "{name}").ok();
    for (about, phrase) in explain(flavor) {
        writeln!(text, "  {about:<16} {phrase}").ok();
    }
    for (key, value) in extra_specs(flavor) {
        writeln!(text, "  {key:<16} {value}").ok();
    }
}

fn made(arguments: &MakeArguments, globals: &Globals) -> CommandResult {
    let mut name = format!("SCS-{}{}", arguments.cpus, arguments.cpu_type);
    let mut add = |wanted: bool, letter: char| {
        if wanted {
            name.push(letter);
        }
    };
    add(arguments.insecure, 'i');
    name.push('-');
    name.push_str(&arguments.ram);
    let mut add = |wanted: bool, letter: char| {
        if wanted {
            name.push(letter);
        }
    };
    add(arguments.no_ecc, 'u');
    add(arguments.oversubscribed, 'o');
    if let Some(size) = arguments.disk {
        // Writing to a string cannot fail.
        write!(name, "-{}x{size}", arguments.disks).ok();
        let wanted = arguments.disk_type.as_deref();
        let kind = DiskType::ALL.into_iter().find(|kind| Some(kind.extra_spec()) == wanted);
        if let Some(kind) = kind {
            name.push(char::from(kind.letter()));
        }
    }
    name.push_str(&arguments.extensions);
    let parsed = FlavorName::parse_as(&name, Syntax::V2, Mode::Standard)
        .map_err(|source| Error::FlavorName { name, source })?;
    let canonical = parsed.to_string();
    if globals.json() {
        output::json(globals, &as_json(&canonical, Ok(&parsed)))?;
    } else {
        let mut text = String::new();
        people(&mut text, &canonical, &parsed);
        output::data(globals, &text)?;
    }
    Ok(ExitCode::Success)
}

fn standard(globals: &Globals) -> CommandResult {
    let mut all = Vec::new();
    let mut text = String::new();
    for flavor in standard_flavors::ALL {
        let Ok(promise) = flavor.promise() else { continue };
        let demand = match flavor.demand {
            Demand::Mandatory => "mandatory",
            Demand::Recommended => "recommended",
        };
        let (ram, disk) = (promise.ram.mib(), promise.disk_gb());
        // Writing to a string cannot fail.
        writeln!(
            text,
            "{:<16} {demand:<12} {:>3} vCPU {ram:>7} MiB {disk:>4} GB",
            flavor.name, promise.cpus
        )
        .ok();
        let mut shown = as_json(flavor.name, Ok(&promise));
        shown["demand"] = demand.into();
        shown["vcpus"] = promise.cpus.into();
        shown["ram"] = ram.into();
        shown["disk"] = disk.into();
        all.push(shown);
    }
    if globals.json() {
        output::json(globals, &Value::Array(all))?;
    } else {
        output::data(globals, &text)?;
    }
    Ok(ExitCode::Success)
}

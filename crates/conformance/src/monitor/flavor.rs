//! Names of flavors: explained, and made from what a flavor has. A form without state.

use askama::Template;
use lotse_scs::Mode;
use lotse_scs::flavor::{FlavorName, Hypervisor, Syntax, explain, extra_specs};
use lotse_scs::standard_flavors::{self, Demand};
use lotse_web::text::encoded;
use serde::Deserialize;

use super::doc::{Block, Inline};

/// Names in one question.
const MOST_NAMES: usize = 50;

/// What the form asks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    name: String,
    cpus: String,
    cpu_type: String,
    insecure: String,
    cpu: String,
    ram: String,
    no_ecc: String,
    oversubscribed: String,
    disks: String,
    disk: String,
    disk_type: String,
    hypervisor: String,
    hwv: String,
    gpu: String,
    ib: String,
}

const CPU_TYPES: [(&str, &str); 4] = [
    ("V", "V: shared"),
    ("L", "L: crowded"),
    ("T", "T: threads of their own"),
    ("C", "C: cores of their own"),
];
const DISK_TYPES: [(&str, &str); 5] =
    [("", "not said"), ("n", "network"), ("h", "hard disk"), ("s", "SSD"), ("p", "NVMe")];

#[derive(Template)]
#[template(path = "conformance_flavor.html")]
struct Form<'a> {
    asked: &'a Asked,
    action: &'static str,
    cpu_types: &'static [(&'static str, &'static str)],
    disk_types: &'static [(&'static str, &'static str)],
    hypervisors: Vec<&'static str>,
}

/// The page: the form, and what came of it.
pub(crate) fn blocks(asked: &Asked, action: &'static str) -> Vec<Block> {
    let form = Form {
        asked,
        action,
        cpu_types: &CPU_TYPES,
        disk_types: &DISK_TYPES,
        hypervisors: Hypervisor::ALL.into_iter().map(Hypervisor::letters).collect(),
    };
    let written = form.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a form cannot be rendered");
        String::new()
    });
    let mut blocks = Vec::new();
    if !asked.cpus.is_empty() {
        blocks.extend(explained(&asked.composed()));
    }
    for name in asked.name.split_whitespace().take(MOST_NAMES) {
        blocks.extend(explained(name));
    }
    blocks.push(Block::Form(written));
    blocks.push(Block::Heading("Flavors of the standard".to_owned()));
    let rows = standard_flavors::ALL.iter().map(|flavor| {
        let href = format!("{action}?name={}", encoded(flavor.name));
        let demanded = match flavor.demand {
            Demand::Mandatory => "mandatory",
            Demand::Recommended => "recommended",
        };
        vec![vec![Inline::Link(href, flavor.name.to_owned())], vec![Inline::text(demanded)]]
    });
    let rows = rows.collect();
    blocks.push(Block::Table("scs-0103".to_owned(), vec!["Name", "Demand"], rows));
    blocks
}

impl Asked {
    /// The name that the fields of the form stand for, as it was typed.
    fn composed(&self) -> String {
        let trimmed = |text: &str| text.trim().to_owned();
        let mut name = format!("SCS-{}{}{}", trimmed(&self.cpus), self.cpu_type, self.insecure);
        name.push('-');
        name.push_str(&(trimmed(&self.ram) + &self.no_ecc + &self.oversubscribed));
        let (disks, disk) = (trimmed(&self.disks), trimmed(&self.disk));
        if !disk.is_empty() {
            let count = if disks.is_empty() { "1".to_owned() } else { disks };
            for part in ["-", &count, "x", &disk, &self.disk_type] {
                name.push_str(part);
            }
        }
        for (mark, part) in
            [("_", &self.hypervisor), ("", &self.hwv), ("_", &self.cpu), ("_", &self.gpu)]
        {
            let part = part.trim();
            if !part.is_empty() {
                name.push_str(mark);
                name.push_str(part);
            }
        }
        name + &self.ib
    }
}

/// A name, as the standard reads it.
fn explained(name: &str) -> Vec<Block> {
    let heading = Block::Heading(lotse_web::text::shown(name, 120));
    let parsed = match FlavorName::parse(name, Mode::Standard) {
        Ok(parsed) => parsed,
        Err(error) => {
            let state = Inline::State("bad", "not a name of the standard: ".to_owned());
            return vec![heading, Block::Paragraph(vec![state, Inline::text(error.to_string())])];
        }
    };
    let flavor = parsed.flavor;
    let mut lines = vec![vec![
        Inline::State("good", "a name of the standard".to_owned()),
        Inline::text(", written "),
        Inline::Code(flavor.to_string()),
        Inline::text(", in short "),
        Inline::Code(flavor.short().to_string()),
    ]];
    if parsed.syntax == Syntax::V1 {
        lines.push(vec![Inline::State("open", "the old spelling, tolerated for now".to_owned())]);
    }
    if FlavorName::parse(name, Mode::Upstream).is_err() {
        let note = "the tools of the SCS community do not accept this spelling";
        lines.push(vec![Inline::State("open", note.to_owned())]);
    }
    let facts = explain(&flavor).into_iter();
    let facts =
        facts.map(|(about, text)| vec![vec![Inline::text(about)], vec![Inline::Text(text)]]);
    let specs = extra_specs(&flavor).into_iter();
    let specs = specs.map(|(key, value)| {
        vec![vec![Inline::Code(key.into_owned())], vec![Inline::Code(value.into_owned())]]
    });
    vec![
        heading,
        Block::List(lines),
        Block::Table("What it promises".to_owned(), vec!["About", "Promise"], facts.collect()),
        Block::Table("Its extra specs".to_owned(), vec!["Key", "Value"], specs.collect()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::doc;

    fn page(query: &Asked) -> String {
        doc::html(&blocks(query, "/flavor"))
    }

    #[test]
    fn a_name_is_explained_with_its_canonical_and_short_forms() {
        let name = "SCS-4V-16-2x100s_kvm_z3h <b>".to_owned();
        let page = page(&Asked { name, ..Asked::default() });
        assert!(page.contains("<code>SCS-4V-16-2x100s_kvm_z3h</code>"), "{page}");
        assert!(page.contains("<code>scs:name-v2</code>"), "{page}");
        assert!(page.contains("&lt;b&gt;") && page.contains("does not begin with"), "{page}");
        assert!(!page.contains("<b>"), "{page}");
    }

    #[test]
    fn a_name_is_made_from_the_fields_and_mistakes_are_said() {
        let asked = Asked {
            cpus: "4".to_owned(),
            cpu_type: "V".to_owned(),
            ram: "16.0".to_owned(),
            disk: "100".to_owned(),
            disk_type: "s".to_owned(),
            hypervisor: "kvm".to_owned(),
            gpu: "GNa-64".to_owned(),
            ib: "_ib".to_owned(),
            ..Asked::default()
        };
        assert!(page(&asked).contains("<code>SCS-4V-16-100s_kvm_GNa-64_ib</code>"));
        let none = page(&Asked { ram: String::new(), ..asked });
        assert!(none.contains("the memory in GiB is missing"), "{none}");
    }
}

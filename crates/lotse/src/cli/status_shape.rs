//! Arguments of `lotse status component|impact-type|severity|phase`: what a page is made of.

use clap::{Args, Subcommand};

use super::status_report::{Kept, OneArguments};

#[derive(Debug, Subcommand)]
pub(crate) enum ComponentCommand {
    /// Declare a component
    #[command(after_help = "Example:\n  lotse status component add Compute --label region=west")]
    Add(AddArguments),
    /// Change the name or the labels of a component
    #[command(
        after_help = "Examples:\n  lotse status component change Compute --label order=1\n  \
        lotse status component change Compute --name Nova --without group"
    )]
    Change(ChangeArguments),
    /// List the components, as they stand on the page
    #[command(after_help = "Example:\n  lotse status component list")]
    List(Kept),
    /// Remove a component that no incident touched
    #[command(after_help = "Example:\n  lotse status component remove Compute")]
    Remove(OneArguments),
}

#[derive(Args, Debug)]
pub(crate) struct AddArguments {
    /// What people call it
    pub(crate) name: String,
    /// A label; `region`, `group` and `order` order the page; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) label: Vec<String>,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Args, Debug)]
#[group(id = "change", required = true, multiple = true, args = ["new_name", "label", "without"])]
pub(crate) struct ChangeArguments {
    /// Which one (id or name)
    pub(crate) id: String,
    /// What people call it from now on
    #[arg(long = "name", id = "new_name", value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// A label that it has from now on; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) label: Vec<String>,
    /// A label that it has no longer; may be repeated
    #[arg(long, value_name = "KEY")]
    pub(crate) without: Vec<String>,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImpactTypeCommand {
    /// Declare a way in which components can be touched
    #[command(after_help = "Example:\n  \
        lotse status impact-type add Slow --text \"Answers take longer than usual.\"")]
    Add(ImpactTypeArguments),
    /// Change its name or what it means
    #[command(after_help = "Example:\n  lotse status impact-type change Slow --name Sluggish")]
    Change(ImpactTypeChange),
    /// List them
    #[command(after_help = "Example:\n  lotse status impact-type list")]
    List(Kept),
    /// Remove one that no incident names
    #[command(after_help = "Example:\n  lotse status impact-type remove Slow")]
    Remove(OneArguments),
}

#[derive(Args, Debug)]
pub(crate) struct ImpactTypeArguments {
    /// What people call it
    pub(crate) name: String,
    /// What it means
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Args, Debug)]
#[group(id = "change", required = true, multiple = true, args = ["new_name", "text"])]
pub(crate) struct ImpactTypeChange {
    /// Which one (id or name)
    pub(crate) id: String,
    /// What people call it from now on
    #[arg(long = "name", id = "new_name", value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// What it means
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SeverityCommand {
    /// Name the severities up to a value
    #[command(after_help = "Example:\n  lotse status severity add limited 66")]
    Add(SeverityArguments),
    /// Change the name or the value
    #[command(after_help = "Example:\n  lotse status severity change limited --up-to 70")]
    Change(SeverityChange),
    /// List the names, the mildest first
    #[command(after_help = "Example:\n  lotse status severity list")]
    List(Kept),
    /// Remove a name
    #[command(after_help = "Example:\n  lotse status severity remove limited")]
    Remove(OneArguments),
}

#[derive(Args, Debug)]
pub(crate) struct SeverityArguments {
    /// What people call them
    pub(crate) name: String,
    /// The highest severity of this name, 1 to 100
    #[arg(value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) value: u8,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Args, Debug)]
#[group(id = "change", required = true, multiple = true, args = ["new_name", "up_to"])]
pub(crate) struct SeverityChange {
    /// Which one
    pub(crate) id: String,
    /// What people call them from now on
    #[arg(long = "name", id = "new_name", value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// The highest severity of this name, 1 to 100
    #[arg(long, value_name = "SEVERITY", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) up_to: Option<u8>,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PhaseCommand {
    /// Declare the phases of new incidents, in their order; those of older ones stay
    #[command(after_help = "Example:\n  lotse status phase set Investigating Fixing Watching Done")]
    Set(PhaseArguments),
    /// List the phases of new incidents
    #[command(after_help = "Example:\n  lotse status phase list")]
    List(Kept),
}

#[derive(Args, Debug)]
pub(crate) struct PhaseArguments {
    /// The names
    #[arg(required = true)]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

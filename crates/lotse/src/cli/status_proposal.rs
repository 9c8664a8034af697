//! Arguments of `lotse status proposal`.

use clap::{Args, Subcommand};

use super::status_report::Kept;

#[derive(Debug, Subcommand)]
pub(crate) enum ProposalCommand {
    /// List what monitors suggest, the newest first
    #[command(after_help = "Example:\n  lotse status proposal list --all --format json")]
    List(ListProposals),
    /// Show a proposal with its evidence
    #[command(after_help = "Example:\n  lotse status proposal show ID")]
    Show(OneProposal),
    /// Make an incident of a proposal
    #[command(
        after_help = "Example:\n  lotse status proposal confirm ID --note \"seen it myself\""
    )]
    Confirm(DecideProposal),
    /// Change what the public would read of a proposal
    #[command(after_help = "Example:\n  \
        lotse status proposal edit ID --name \"Servers start slowly\" --affects Compute=30")]
    Edit(EditProposal),
    /// Say that it is not so; the same trouble is not proposed again until it was over
    #[command(after_help = "Example:\n  lotse status proposal dismiss ID --note \"a drill\"")]
    Dismiss(DecideProposal),
}

#[derive(Args, Debug)]
pub(crate) struct ListProposals {
    /// Also what is decided or over
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Args, Debug)]
pub(crate) struct OneProposal {
    /// Which one
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Args, Debug)]
pub(crate) struct DecideProposal {
    /// Which one
    pub(crate) id: String,
    /// What colleagues should know
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) note: String,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Args, Debug)]
pub(crate) struct EditProposal {
    /// Which one
    pub(crate) id: String,
    /// The headline
    #[arg(long, value_name = "TEXT", required_unless_present_any = ["text", "affects"])]
    pub(crate) name: Option<String>,
    /// The text
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// A component (id or name) and how badly it is touched, 1 to 100; may be repeated, and stands for
    /// all that were named before
    #[arg(long, value_name = "COMPONENT=SEVERITY")]
    pub(crate) affects: Vec<String>,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

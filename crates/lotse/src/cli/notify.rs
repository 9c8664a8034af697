//! Arguments of `lotse notify`.

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum NotifyCommand {
    /// Send a test message on a channel now
    ///
    /// Past all rules, to each recipient, and says what the other side answered. A channel that was
    /// disabled because its other side was gone is used again when it takes the message.
    #[command(after_help = "Example:\n  lotse notify test ops --config /etc/lotse/lotse.yaml")]
    Test(TestArguments),
    /// List what was given up, what waits or what was sent, newest first
    #[command(after_help = "Examples:\n  lotse notify list\n  \
        lotse notify list --state waiting --format json")]
    List(ListArguments),
    /// Send dead letters again
    ///
    /// With the ids they had, so that whoever got one of them after all recognises it. The daemon
    /// sends them within a minute.
    #[command(after_help = "Examples:\n  \
        lotse notify resend 4f305ec8-92c1-5e17-9122-98d25305d1fc\n  lotse notify resend --all")]
    Resend(ResendArguments),
}

#[derive(Args, Debug)]
pub(crate) struct TestArguments {
    /// The channel, by its name in `lotse.yaml`
    #[arg(value_name = "CHANNEL")]
    pub(crate) channel: String,
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    /// Where the notifications stand
    #[arg(long, value_enum, default_value_t = ListedState::Dead)]
    pub(crate) state: ListedState,
    /// How many at most
    #[arg(long, value_name = "NUMBER", default_value_t = 50,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
}

/// Where a notification stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ListedState {
    /// Yet to be sent
    Waiting,
    /// Confirmed by the other side
    Sent,
    /// Given up
    Dead,
}

#[derive(Args, Debug)]
pub(crate) struct ResendArguments {
    /// The dead letters, by their ids
    #[arg(value_name = "ID", required_unless_present = "all")]
    pub(crate) ids: Vec<String>,
    /// All dead letters
    #[arg(long, conflicts_with = "ids")]
    pub(crate) all: bool,
}

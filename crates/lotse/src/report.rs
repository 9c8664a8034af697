//! The one error printer: what failed, why, where, and what to do.

use std::fmt::Write as _;
use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use lotse_core::error::{ExitCode, Explain};

use crate::failure::Failure;
use crate::settings::Globals;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

/// Writes the failure to standard error and says which exit code it means.
pub(crate) fn print(failure: &Failure, globals: &Globals) -> ExitCode {
    let error = &*failure.0;
    let text = render(error);
    let stream = anstream::AutoStream::new(std::io::stderr(), globals.color);
    // Nobody is left to tell when standard error itself is gone; the exit code still speaks.
    if stream.lock().write_all(text.as_bytes()).is_err() {
        return ExitCode::Failed;
    }
    error.kind().exit_code()
}

/// The failure as styled text.
pub(crate) fn render(error: &dyn Explain) -> String {
    // Writing to a string cannot fail.
    let mut text = format!("{ERROR}error{ERROR:#}: {error}\n");
    for diagnostic in error.diagnostics() {
        text.push_str(&diagnostic.to_string());
        text.push('\n');
    }
    let mut shown = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let message = cause.to_string();
        if !shown.contains(&message) {
            writeln!(text, "  because: {message}").ok();
        }
        shown.push_str(&message);
        source = cause.source();
    }
    if let Some(id) = error.request_id() {
        writeln!(text, "  request id: {id}").ok();
    }
    // The engine cannot know what its journal is kept in; the store says more exactly what to do.
    let cause = std::error::Error::source(error).and_then(lotse_store::Error::find);
    let exact = cause.map(Explain::hints).unwrap_or_default();
    for hint in exact.into_iter().chain(error.hints()) {
        writeln!(text, "  {HINT}try{HINT:#}: {hint}").ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_of_a_failed_store_comes_before_that_of_the_engine() {
        let cause = "lotse.db".parse::<lotse_store::StoreUrl>().unwrap_err();
        let exact = cause.hints().remove(0);
        let source =
            lotse_core::journal::JournalError { operation: "written", source: cause.into() };
        let error = lotse_plan::PlanError::Journal { source };
        let text = anstream::adapter::strip_str(&render(&error)).to_string();
        let hints: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("  try: ")).collect();
        assert_eq!(hints, [exact, error.hints().remove(0)]);
        assert_eq!(text.matches("because: ").count(), 2, "{text}");
    }
}

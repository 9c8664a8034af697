//! The terminal of the person who sits at it.

use std::io::IsTerminal;

use anstream::ColorChoice;
use lotse_plan::Progress;
use lotse_plan::progress::{Lines, Silent};
use lotse_plan::render::Look;

use crate::settings::Globals;

/// How text on standard output is laid out.
pub(crate) fn look_out(globals: &Globals) -> Look {
    look(globals, std::io::stdout().is_terminal())
}

/// How text on standard error is laid out.
pub(crate) fn look_err(globals: &Globals) -> Look {
    look(globals, std::io::stderr().is_terminal())
}

fn look(globals: &Globals, terminal: bool) -> Look {
    let usual = Look::default();
    // Standard error is asked for the size: standard output is often a pipe into a pager.
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok();
    let width = size.map(|size| usize::from(size.ws_col)).filter(|width| *width > 0);
    Look {
        width: if terminal { width.unwrap_or(usual.width) } else { usual.width },
        colour: terminal && globals.color != ColorChoice::Never,
    }
}

/// What shows progress: bars on a terminal, lines elsewhere and for one of several clouds at once, nothing
/// when quiet.
pub(crate) fn progress(globals: &Globals, one_of_many: Option<&str>) -> Box<dyn Progress> {
    match one_of_many {
        _ if globals.quiet => Box::new(Silent),
        // Bars of several would be drawn over each other.
        Some(cloud) => Box::new(Lines::on_standard_error().about(cloud)),
        None => lotse_plan::progress::for_standard_error(std::io::stderr().is_terminal()),
    }
}

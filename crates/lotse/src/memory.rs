//! Memory that was needed for a moment goes back to the system soon.
//!
//! The allocator keeps freed memory for some seconds and returns it when it is used the next time; a
//! server that rendered a large page and has nothing to do since would be as large as that page all
//! night. The allocator takes its options from the environment, before `main`, so a server starts
//! itself once more in the same process, with the option set. Who sets it decides (the packaged unit
//! does, and saves the second start). Setting it by a call would need `unsafe`.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::settings::Environment;

/// The allocator's option: after how many milliseconds freed memory is returned.
const DELAY: &str = "MIMALLOC_PURGE_DELAY";

/// Starts this process anew with the option, unless it is set.
pub(crate) fn return_soon(environment: &Environment) {
    if environment.get(DELAY).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut again = Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    // This returns only when it fails. Then all goes on, with the memory it has.
    drop(again.args(arguments).env(DELAY, "10").exec());
}

//! Scope files of the SCS standards: read or refused, and what is read can be judged.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/conformance/tests/it/foreign/scope_files.rs"]
mod scope_files;

fuzz_target!(|data: &str| {
    scope_files::holds(data);
});

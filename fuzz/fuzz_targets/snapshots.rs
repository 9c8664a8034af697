//! Snapshots of clouds and clusters: all testcases judge them, and every report can be written.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/conformance/tests/it/foreign/snapshots.rs"]
mod snapshots;

fuzz_target!(|data: &[u8]| {
    snapshots::holds(data);
});

//! What is published about versions of Kubernetes: read or left out.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/conformance/tests/it/foreign/version_feeds.rs"]
mod version_feeds;

fuzz_target!(|data: &[u8]| {
    version_feeds::holds(data);
});

//! `kubeconfig`: leads to a cluster or is refused, and shows no secret.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/conformance/tests/it/foreign/kubeconfigs.rs"]
mod kubeconfigs;

fuzz_target!(|data: &str| {
    kubeconfigs::holds(data);
});

//! Signatures and keys of OpenSSH: nothing counts that the key has not signed.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/conformance/tests/it/foreign/signatures.rs"]
mod signatures;

fuzz_target!(|data: &[u8]| {
    signatures::holds(data);
});

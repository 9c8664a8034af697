//! What test programs print: nothing that cannot be understood becomes a pass.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lotse_run::{Verdict, junit, libtest};

fuzz_target!(|text: &str| {
    let passes = libtest::parse("fuzz", text).iter().filter(|c| c.verdict == Verdict::Pass).count();
    let told = text.matches("ok").count() + text.matches("bench: ").count();
    assert!(passes <= told, "more passes than the text tells");
    drop(junit::read(text));
});

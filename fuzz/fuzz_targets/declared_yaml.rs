//! Declared files: any bytes give a tree or complaints with a place inside the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lotse_core::declared::{SourceFile, parse, scalar};

fuzz_target!(|text: &str| {
    let file = SourceFile::new("fuzz.yaml", text);
    match parse(&file) {
        Ok(tree) => drop(tree.to_json()),
        Err(complaints) => {
            assert!(!complaints.is_empty(), "refused without a reason");
            // A lone carriage return ends a line of YAML, unlike one of `str::lines`.
            let breaks = text.matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
            for complaint in complaints {
                assert!(complaint.span.line as usize <= breaks + 1, "a place outside of the file");
            }
        }
    }
    drop(scalar::resolve(text));
});

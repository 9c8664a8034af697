//! Image definitions: any file is understood or explained, never half of both.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lotse_core::declared::SourceFile;
use lotse_images::declare::Catalog;

fuzz_target!(|text: &str| {
    match Catalog::from_sources(&[SourceFile::new("fuzz.yml", text)]) {
        Ok(catalogue) => drop(catalogue.enabled().count()),
        Err(error) => assert!(!error.report().is_empty(), "refused without a reason"),
    }
});

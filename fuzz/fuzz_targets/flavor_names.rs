//! Flavor names: any text is read or refused with a place in it; what is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lotse_scs::Mode;
use lotse_scs::flavor::{FlavorName, Syntax, explain, extra_specs};

fuzz_target!(|text: &str| {
    for mode in [Mode::Upstream, Mode::Standard] {
        match FlavorName::parse(text, mode) {
            Ok(parsed) => {
                drop((explain(&parsed.flavor), extra_specs(&parsed.flavor)));
                let written = parsed.flavor.spelt(Syntax::V2).to_string();
                let again = FlavorName::parse(&written, Mode::Standard)
                    .or_else(|_| FlavorName::parse(&written, Mode::Upstream));
                let again = again.map(|again| again.flavor.to_string());
                assert_eq!(again.as_deref(), Ok(written.as_str()), "{text}");
            }
            Err(error) => assert!(error.at <= text.len(), "complains about a place beyond the end"),
        }
    }
    if let Some(at) = lotse_scs::date::parse(text) {
        assert!(at.year() >= 0, "a year of four digits");
    }
});

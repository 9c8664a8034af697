//! What services answer: pages with their links, version documents, refusals, waiting times.
//!
//! The first byte chooses the reader, so that one corpus serves all.
#![no_main]

use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use lotse_openstack::{discovery, fault, paging, retry_after};

fuzz_target!(|data: &[u8]| {
    let Some((which, body)) = data.split_first() else { return };
    match which % 4 {
        0 => {
            if let Ok(page) = paging::page(body, "images")
                && let Some(query) = page.next
            {
                assert!(query.iter().all(|(name, _)| !name.contains('&')), "an unsplit query");
            }
        }
        1 => drop(discovery::parse(body)),
        2 => drop(fault::message(&HeaderMap::new(), body)),
        _ => {
            let Ok(text) = std::str::from_utf8(body) else { return };
            let _ = discovery::Version::parse(text);
            retry_after::parse(text, jiff::Timestamp::UNIX_EPOCH);
        }
    }
});

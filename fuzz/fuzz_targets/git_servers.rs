//! What Git servers answer and commits carry: packets, references, signatures, files of signers.
//!
//! The first byte chooses the reader, so that one corpus serves all.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use lotse_source::signature::{self, Signers, SshSignature};
use lotse_source::wire::{self, Packets};
use lotse_source::{CommitId, names};

fuzz_target!(|data: &[u8]| {
    let Some((which, body)) = data.split_first() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let Ok(runtime) = runtime else { return };
    let mut packets = Packets::new(body, 1 << 16, Duration::from_secs(1));
    match which % 6 {
        0 => drop(runtime.block_on(wire::read_capabilities(&mut packets))),
        1 => {
            let found = runtime.block_on(wire::read_reference(&mut packets, "refs/heads/main"));
            if let Ok(Some(commit)) = found {
                assert!(commit.as_str().parse::<CommitId>().is_ok(), "a commit that is none");
            }
        }
        2 => {
            let mut pack = Vec::new();
            drop(runtime.block_on(wire::read_pack(&mut packets, &mut pack)));
            assert!(pack.len() <= body.len(), "more was read than was sent");
        }
        3 => {
            let signers = Signers::default();
            assert!(signature::verify(body, &signers, None).is_err(), "nobody may sign");
        }
        4 => {
            let Ok(text) = std::str::from_utf8(body) else { return };
            drop(Signers::parse(text));
            if let Ok(signature) = SshSignature::read(text) {
                drop(signature.verify(b"something else"));
            }
        }
        _ => {
            if let Ok(name) = names::check(body) {
                let parts = std::path::Path::new(name).components().count();
                assert!(parts == 1 && !name.contains(['/', '\0']), "a name that is a path");
            }
        }
    }
});

//! What publishers' servers deliver: disk images, packed files and archives, keys and signatures.
//!
//! The first byte chooses the reader, so that one corpus serves all.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lotse_transfer::qcow2::{Header, Qcow2};
use lotse_transfer::{Algorithm, Content, Keyring, Unpack};

/// Bytes of what comes out: more only takes time.
const MOST: u64 = 4 << 20;

fuzz_target!(|data: &[u8]| {
    let Some((which, body)) = data.split_first() else { return };
    match which % 4 {
        0 => {
            if let Ok(image) = Qcow2::open(body, MOST) {
                let mut disk = Vec::new();
                if image.write_raw("it", &mut disk).is_ok() {
                    assert_eq!(disk.len() as u64, image.header().virtual_size, "not the disk");
                }
            } else if let Ok(header) = Header::read(body) {
                drop(header.check());
            }
        }
        1 => {
            let how = Unpack {
                most_bytes: MOST,
                packed: vec![Algorithm::Md5],
                unpacked: vec![Algorithm::Md5],
                ..Unpack::default()
            };
            let mut out = Vec::new();
            if let Ok(unpacked) = how.run("it", body, &mut out) {
                assert_eq!(unpacked.size, out.len() as u64, "another size than what came out");
                assert!(unpacked.layers.iter().all(|layer| layer.is_packed()), "no layer");
            }
        }
        2 => {
            let content = Content::of(body);
            assert!(!(content.is_packed() && content.is_image()), "both at once");
        }
        _ => {
            let Ok(text) = std::str::from_utf8(body) else { return };
            let (keys, signed) = text.split_once('\0').unwrap_or((text, text));
            if let Ok(keys) = Keyring::parse(keys) {
                let now = jiff::Timestamp::UNIX_EPOCH;
                drop(keys.verify_detached(b"content", signed.as_bytes(), now));
                drop(keys.verify_text(signed, now));
            }
        }
    }
});

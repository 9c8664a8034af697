use std::io::Cursor;

use futures::{StreamExt as _, TryStreamExt as _};
use proptest::prelude::*;

use super::*;

fn pack(content: Content, bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    match content {
        Content::Xz => {
            liblzma::read::XzEncoder::new(bytes, 1).read_to_end(&mut packed).unwrap();
        }
        Content::Bzip2 => {
            let level = bzip2::Compression::fast();
            bzip2::read::BzEncoder::new(bytes, level).read_to_end(&mut packed).unwrap();
        }
        Content::Gzip => {
            let level = flate2::Compression::fast();
            flate2::read::GzEncoder::new(bytes, level).read_to_end(&mut packed).unwrap();
        }
        Content::Zstd => packed = zstd::encode_all(bytes, 1).unwrap(),
        Content::Tar => return archive(&[("README", b"text"), ("disk.raw", bytes)]),
        other => panic!("{other}"),
    }
    packed
}

fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, *bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

fn disk(size: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..size).map(|at| u8::try_from(at * at % 251).unwrap()).collect();
    bytes[510..512].copy_from_slice(b"\x55\xaa");
    bytes
}

fn run(how: &Unpack, input: &[u8]) -> Result<(Unpacked, Vec<u8>), Error> {
    let mut output = Vec::new();
    how.run("it", input, &mut output).map(|unpacked| (unpacked, output))
}

fn fault(how: &Unpack, input: &[u8]) -> Fault {
    match run(how, input).unwrap_err() {
        Error::Unpack { source, .. } => source,
        other => panic!("{other}"),
    }
}

fn hashed() -> Unpack {
    let all = vec![Algorithm::Sha256];
    Unpack { packed: all.clone(), unpacked: all, ..Unpack::default() }
}

const PACKINGS: [Content; 5] =
    [Content::Xz, Content::Bzip2, Content::Gzip, Content::Zstd, Content::Tar];

#[test]
fn every_packing_is_undone_and_both_sides_are_hashed() {
    let image = disk(300_000);
    for packing in PACKINGS {
        let packed = pack(packing, &image);
        let (unpacked, output) = run(&hashed(), &packed).unwrap();
        assert!(output == image, "{packing}");
        assert_eq!((unpacked.layers.clone(), unpacked.content), (vec![packing], Content::Disk));
        let of = |bytes: &[u8]| Checksum::of(Algorithm::Sha256, bytes);
        assert_eq!(unpacked.matched("it", &of(&packed)).unwrap(), Matched::Packed);
        assert_eq!(unpacked.matched("it", &of(&image)).unwrap(), Matched::Unpacked);
        let error = unpacked.matched("it", &of(b"other")).unwrap_err().to_string();
        assert!(
            error.contains(of(&packed).digits()) && error.contains(of(&image).digits()),
            "{error}"
        );
    }
}

#[test]
fn what_is_not_packed_passes_through() {
    let image = disk(300_000);
    let (unpacked, output) = run(&hashed(), &image).unwrap();
    assert!(output == image && unpacked.layers.is_empty());
    assert_eq!(unpacked.packed, unpacked.unpacked);
    let (unpacked, output) = run(&hashed(), b"").unwrap();
    assert_eq!((unpacked.content, output.len()), (Content::Empty, 0));
}

#[test]
fn several_streams_in_a_row_are_one_file() {
    let image = disk(100_000);
    for packing in [Content::Xz, Content::Bzip2, Content::Gzip, Content::Zstd] {
        let packed = [pack(packing, &image[..40_000]), pack(packing, &image[40_000..])].concat();
        assert!(run(&hashed(), &packed).unwrap().1 == image, "{packing}");
    }
}

#[test]
fn the_member_is_the_one_that_is_named_or_the_first_image() {
    let (first, second) = (disk(5000), disk(6000));
    let packed = archive(&[
        ("notes.txt", b"an image? no"),
        ("dir/one.raw", &first),
        ("./dir/two.img.xz", &pack(Content::Xz, &second)),
    ]);
    let (unpacked, output) = run(&hashed(), &packed).unwrap();
    assert!(output == first);
    assert_eq!(unpacked.member.as_deref(), Some("dir/one.raw"));
    for name in ["dir/two.img.xz", "two.img.xz", "./dir/two.img.xz"] {
        let how = Unpack { member: Some(name.to_owned()), ..hashed() };
        let (unpacked, output) = run(&how, &packed).unwrap();
        assert!(output == second, "{name}");
        assert_eq!(unpacked.layers, [Content::Tar, Content::Xz]);
    }
    let how = Unpack { member: Some("three".to_owned()), ..hashed() };
    assert_eq!(
        fault(&how, &packed).to_string(),
        "there is no \"three\" in it, only notes.txt, dir/one.raw, dir/two.img.xz"
    );
}

#[test]
fn an_archive_without_an_image_says_what_it_has() {
    let packed = archive(&[("a.txt", b"a"), ("b", b"b")]);
    assert_eq!(fault(&hashed(), &packed).to_string(), "there is no image in it, only a.txt, b");
}

#[test]
fn links_in_an_archive_are_not_followed() {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    archive.append_link(&mut header, "disk.raw", "/etc/shadow").unwrap();
    let packed = archive.into_inner().unwrap();
    let how = Unpack { member: Some("disk.raw".to_owned()), ..hashed() };
    assert!(matches!(fault(&how, &packed), Fault::NotAFile { .. }));
    assert!(matches!(fault(&hashed(), &packed), Fault::NoImage { .. }));
}

#[test]
fn what_is_cut_off_or_damaged_is_found() {
    let image = disk(300_000);
    for packing in PACKINGS {
        let packed = pack(packing, &image);
        // Archives end with empty blocks, so a cut has to go into the member.
        for keep in [packed.len() / 2, packed.len() - 20_000.min(packed.len() / 3)] {
            let fault = fault(&hashed(), &packed[..keep]);
            assert!(
                matches!(fault, Fault::Damaged { layer, .. } if layer == packing),
                "{packing} cut at {keep}: {fault}"
            );
        }
    }
    for packing in [Content::Xz, Content::Bzip2, Content::Gzip] {
        let mut packed = pack(packing, &image);
        let middle = packed.len() / 2;
        packed[middle] ^= 0x10;
        assert!(matches!(fault(&hashed(), &packed), Fault::Damaged { .. }), "{packing}");
    }
}

#[test]
fn a_bomb_is_stopped_at_the_limit() {
    let packed = pack(Content::Xz, &vec![0; 20 << 20]);
    assert!(packed.len() < 20_000);
    let how = Unpack { most_bytes: 1 << 20, ..hashed() };
    let mut output = Vec::new();
    let error = how.run("it", &*packed, &mut output).unwrap_err();
    assert_eq!(error.to_string(), "what is packed in it has more than 1048576 bytes");
    assert!(output.len() <= 1 << 20);
}

#[test]
fn layers_have_an_end() {
    let mut packed = disk(600);
    for _ in 0..=DEEPEST {
        packed = pack(Content::Gzip, &packed);
    }
    assert!(matches!(fault(&hashed(), &packed), Fault::TooDeep));
}

#[test]
fn a_dictionary_that_takes_too_much_memory_is_refused() {
    let mut options = liblzma::stream::LzmaOptions::new_preset(1).unwrap();
    options.dict_size(1 << 30);
    let mut filters = liblzma::stream::Filters::new();
    filters.lzma2(&options);
    // Only the header says how large the dictionary may become.
    let mut packed = pack(Content::Xz, &disk(600));
    // Block header: size, flags, filter id, length of properties, dictionary size as an exponent.
    assert_eq!(packed[14..16], [0x21, 0x01]);
    packed[16] = 36;
    let crc = crc32(&packed[12..20]);
    packed[20..24].copy_from_slice(&crc.to_le_bytes());
    assert!(matches!(fault(&hashed(), &packed), Fault::Memory { .. }));
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1));
        }
    }
    !crc
}

#[tokio::test]
async fn a_stream_that_fails_is_what_the_unpacking_fails_with() {
    let packed = pack(Content::Xz, &disk(300_000));
    let half = bytes::Bytes::copy_from_slice(&packed[..packed.len() / 2]);
    let broken = Error::Stalled { url: "http://a".to_owned(), limit: std::time::Duration::ZERO };
    let stream = futures::stream::iter([Ok(half), Err(broken)]).boxed();
    let flow = hashed().flow("it".to_owned(), Incoming::new(stream));
    let error = flow.try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(error, Error::Stalled { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Unpacking is the inverse of packing, whatever the bytes, the layers and the reads are.
    #[test]
    fn unpacking_undoes_packing(
        bytes in proptest::collection::vec(any::<u8>(), 512..60_000),
        layers in proptest::collection::vec(0_usize..5, 0..=DEEPEST),
        step in 1_usize..5000,
    ) {
        let mut image = bytes;
        image[510..512].copy_from_slice(b"\x55\xaa");
        // What happens to look packed by itself is not the question here.
        image[0] = 0;
        image[257] = 0;
        let layers: Vec<Content> = layers.into_iter().map(|index| PACKINGS[index]).collect();
        let packed = layers.iter().rev().fold(image.clone(), |bytes, layer| pack(*layer, &bytes));
        let mut output = Vec::new();
        let slow = Slow { input: Cursor::new(packed), step };
        let unpacked = hashed().run("it", slow, &mut output).unwrap();
        prop_assert_eq!(unpacked.layers, layers);
        prop_assert!(output == image);
        prop_assert_eq!(unpacked.size, image.len() as u64);
    }

    /// Any bytes give an end without a panic.
    #[test]
    fn garbage_is_refused_or_passes(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..2000),
        which in 0_usize..5,
        image in any::<bool>(),
    ) {
        if image {
            let mark = pack(PACKINGS[which], &disk(600));
            let keep = bytes.len().min(mark.len() / 2);
            bytes.splice(..0, mark[..keep].iter().copied());
        }
        drop(run(&Unpack { most_bytes: 1 << 20, ..hashed() }, &bytes));
    }
}

/// Gives a few bytes at a time.
struct Slow {
    input: Cursor<Vec<u8>>,
    step: usize,
}

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.step);
        self.input.read(&mut buffer[..length])
    }
}

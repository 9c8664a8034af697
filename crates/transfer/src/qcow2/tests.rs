use proptest::prelude::*;

use super::*;
use crate::error::Error;

const CLUSTER_BITS: u32 = 9;
const CLUSTER: usize = 1 << CLUSTER_BITS;
/// Entries of a table.
const ENTRIES: usize = CLUSTER / 8;

/// How a cluster of the disk is kept.
#[derive(Clone, Copy, Debug)]
enum Kept {
    /// Not at all.
    Hole,
    /// As zero, by its entry.
    Zero,
    /// As zero, with old bytes in the file.
    OldBytes(u8),
    /// As it is.
    Plain(u8),
    /// Compressed.
    Packed(u8),
}

/// A writer of images that knows just enough: the oracle.
struct Writer {
    version: u32,
    zstd: bool,
    disk: Vec<Kept>,
    /// Bytes of the disk that are missing in its last cluster.
    short: usize,
}

impl Writer {
    fn of(disk: &[Kept]) -> Self {
        Self { version: 3, zstd: false, disk: disk.to_vec(), short: 0 }
    }

    /// The disk.
    fn raw(&self) -> Vec<u8> {
        let mut raw: Vec<u8> = self.disk.iter().flat_map(|kept| content(*kept)).collect();
        raw.truncate(raw.len() - self.short.min(raw.len()));
        raw
    }

    /// The file.
    fn image(&self) -> Vec<u8> {
        let tables = self.disk.len().div_ceil(ENTRIES);
        let mut image = vec![0; CLUSTER];
        let l1_at = image.len();
        image.resize(image.len() + (tables * 8).next_multiple_of(CLUSTER), 0);
        for (number, part) in self.disk.chunks(ENTRIES).enumerate() {
            if part.iter().all(|kept| matches!(kept, Kept::Hole)) {
                continue;
            }
            image.resize(image.len().next_multiple_of(CLUSTER), 0);
            let l2_at = image.len();
            image.resize(l2_at + CLUSTER, 0);
            put(&mut image, l1_at + number * 8, l2_at as u64 | 1 << 63);
            for (index, kept) in part.iter().enumerate() {
                let entry = self.keep(&mut image, *kept);
                put(&mut image, l2_at + index * 8, entry);
            }
        }
        self.header(&mut image, l1_at, tables);
        image
    }

    fn keep(&self, image: &mut Vec<u8>, kept: Kept) -> u64 {
        image.resize(image.len().next_multiple_of(CLUSTER), 0);
        let at = image.len() as u64;
        match kept {
            Kept::Hole => 0,
            Kept::Zero => 1,
            Kept::OldBytes(seed) => {
                image.extend(content(Kept::Plain(seed)));
                at | 1 | 1 << 63
            }
            Kept::Plain(_) => {
                image.extend(content(kept));
                at | 1 << 63
            }
            Kept::Packed(_) => {
                // Not at the beginning of a sector, which is where QEMU packs the next one.
                image.extend([0; 7]);
                let packed = self.pack(&content(kept));
                let at = at + 7;
                let sectors = ((at % 512) + packed.len() as u64).div_ceil(512) - 1;
                image.extend(packed);
                at | sectors << (62 - (CLUSTER_BITS - 8)) | 1 << 62
            }
        }
    }

    fn pack(&self, bytes: &[u8]) -> Vec<u8> {
        if self.zstd {
            return zstd::encode_all(bytes, 1).unwrap();
        }
        let mut packed = Vec::new();
        let mut encoder = flate2::read::DeflateEncoder::new(bytes, flate2::Compression::fast());
        io::Read::read_to_end(&mut encoder, &mut packed).unwrap();
        packed
    }

    fn header(&self, image: &mut [u8], l1_at: usize, tables: usize) {
        image[..4].copy_from_slice(b"QFI\xfb");
        put32(image, 4, self.version);
        put32(image, 20, CLUSTER_BITS);
        put(image, 24, self.raw().len() as u64);
        put32(image, 36, u32::try_from(tables).unwrap());
        put(image, 40, l1_at as u64);
        if self.version == 3 {
            put(image, 72, if self.zstd { 1 << 3 } else { 0 });
            put32(image, 100, 112);
            image[104] = u8::from(self.zstd);
        }
    }
}

fn content(kept: Kept) -> Vec<u8> {
    match kept {
        Kept::Plain(seed) | Kept::Packed(seed) => {
            (0..CLUSTER).map(|at| u8::try_from(at % 97).unwrap() ^ seed).collect()
        }
        _ => vec![0; CLUSTER],
    }
}

fn put(image: &mut [u8], at: usize, number: u64) {
    image[at..at + 8].copy_from_slice(&number.to_be_bytes());
}

fn put32(image: &mut [u8], at: usize, number: u32) {
    image[at..at + 4].copy_from_slice(&number.to_be_bytes());
}

fn raw(image: &[u8]) -> Result<Vec<u8>, Error> {
    let opened = Qcow2::open(image, 1 << 30);
    let opened = opened.map_err(|source| Error::Qcow2 { what: "it".to_owned(), source })?;
    let mut output = Vec::new();
    opened.write_raw("it", &mut output).map(|()| output)
}

fn fault(image: &[u8]) -> Fault {
    match raw(image).unwrap_err() {
        Error::Qcow2 { source, .. } => source,
        other => panic!("{other}"),
    }
}

fn simple() -> Vec<u8> {
    Writer::of(&[Kept::Plain(1), Kept::Hole, Kept::Packed(2)]).image()
}

fn kept() -> impl Strategy<Value = Kept> {
    prop_oneof![
        2 => Just(Kept::Hole),
        1 => Just(Kept::Zero),
        1 => any::<u8>().prop_map(Kept::OldBytes),
        4 => any::<u8>().prop_map(Kept::Plain),
        2 => any::<u8>().prop_map(Kept::Packed),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// However the clusters of a disk are kept, the disk is read as it is.
    #[test]
    fn the_disk_is_read_however_it_is_kept(
        disk in proptest::collection::vec(kept(), 0..300),
        zstd in any::<bool>(),
        short in 0_usize..CLUSTER,
    ) {
        let writer = Writer { zstd, short, ..Writer::of(&disk) };
        prop_assert!(raw(&writer.image()).unwrap() == writer.raw());
    }

    /// Whatever bytes of an image are changed, there is an end without a panic.
    #[test]
    fn a_damaged_image_harms_nobody(
        damage in proptest::collection::vec((0_usize..2000, any::<u8>()), 1..20),
        keep in 0_usize..4000,
    ) {
        let mut image = simple();
        for (at, byte) in damage {
            if let Some(slot) = image.get_mut(at) { *slot = byte; }
        }
        image.truncate(keep);
        if let Ok(opened) = Qcow2::open(&*image, 4 << 20) {
            drop(opened.write_raw("it", &mut Vec::new()));
        }
    }
}

#[test]
fn version_2_is_read_and_knows_no_zero_clusters() {
    let writer =
        Writer { version: 2, ..Writer::of(&[Kept::Plain(7), Kept::Hole, Kept::Packed(3)]) };
    let image = writer.image();
    assert!(raw(&image).unwrap() == writer.raw());
    let header = Header::read(&*image).unwrap();
    assert_eq!((header.version, header.virtual_size), (2, 3 * CLUSTER as u64));
}

#[test]
fn the_disk_in_whole_gibibytes_is_rounded_up() {
    let mut header = Header::read(&*simple()).unwrap();
    for (size, min_disk) in [(0, 0), (1, 1), (1 << 30, 1), ((1 << 30) + 1, 2)] {
        header.virtual_size = size;
        assert_eq!(header.min_disk(), min_disk);
    }
}

#[test]
fn images_that_name_other_files_are_refused() {
    let mut image = simple();
    put(&mut image, 8, 200);
    put32(&mut image, 16, 11);
    image[200..211].copy_from_slice(b"/etc/shadow");
    assert_eq!(
        fault(&image).to_string(),
        "it has the backing file \"/etc/shadow\", whose content would become part of it"
    );
    // A name without a length is a backing file all the same.
    put32(&mut image, 16, 0);
    assert!(matches!(fault(&image), Fault::BackingFile { .. }));

    let mut image = simple();
    put(&mut image, 72, 1 << 2);
    assert!(matches!(fault(&image), Fault::DataFile { name: None }));
    put32(&mut image, 112, 0x4441_5441);
    put32(&mut image, 116, 9);
    image[120..129].copy_from_slice(b"/dev/sda\n");
    let text = fault(&image).to_string();
    assert_eq!(text, "it keeps its content in an external data file, \"/dev/sda\u{fffd}\"");
}

/// What is said of an image after a change.
type Change<'a> = (&'static str, &'a dyn Fn(&mut Vec<u8>));

#[test]
fn what_cannot_be_read_says_why() {
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut image = simple();
        change(&mut image);
        fault(&image).to_string()
    };
    let changes: [Change<'_>; 9] = [
        ("it is not a qcow2 image", &|image| image[0] = 0),
        ("it has version 4 of qcow2; 2 and 3 are understood", &|image| put32(image, 4, 4)),
        ("it is encrypted", &|image| put32(image, 32, 2)),
        ("it is marked as corrupt", &|image| put(image, 72, 1 << 1)),
        ("it needs features that are not understood: bit 9", &|image| put(image, 72, 1 << 9)),
        ("its header is wrong: it is cut off", &|image| image.truncate(80)),
        ("its header is wrong: the size of its clusters is impossible", &|image| {
            put32(image, 20, 30);
        }),
        ("its header is wrong: its table of tables is smaller than its disk", &|image| {
            put(image, 24, 1 << 40);
        }),
        (
            "its tables are damaged: a cluster lies behind the end of the file at byte 0 of the disk",
            &|image| {
                put(image, 1024, 1 << 40);
            },
        ),
    ];
    for (expected, change) in changes {
        assert_eq!(with(change), expected);
    }
}

#[test]
fn features_are_named_as_the_image_names_them() {
    let mut image = simple();
    put(&mut image, 72, 1 << 9);
    put32(&mut image, 112, 0x6803_f857);
    put32(&mut image, 116, 48);
    image[120..122].copy_from_slice(&[0, 9]);
    image[122..130].copy_from_slice(b"time tra");
    assert_eq!(fault(&image).to_string(), "it needs features that are not understood: time tra");
}

#[test]
fn an_image_that_was_not_closed_is_read_all_the_same() {
    let mut image = simple();
    put(&mut image, 72, 1);
    assert!(Header::read(&*image).unwrap().dirty);
    assert!(raw(&image).is_ok());
}

#[test]
fn a_disk_that_is_too_large_is_refused() {
    let error = Qcow2::open(&*simple(), 1000).unwrap_err();
    assert_eq!(error.to_string(), "its disk has 1536 bytes, more than 1000");
}

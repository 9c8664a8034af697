//! What some bytes are, by how they begin.
//!
//! Catalogues declare a format; servers deliver something else: an error page, an archive where an
//! image should be, a qcow2 named `.img`. A wrong declaration makes a cloud boot garbage, or follow a
//! backing file that nobody wanted, so what it is is looked at and not believed.

use serde::Serialize;

/// Bytes of a beginning that tell everything; fewer tell less.
pub const TELLING: usize = ISO_AT + ISO.len();

const ISO_AT: usize = 0x8001;
const ISO: &[u8] = b"CD001";

/// What some bytes are.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Content {
    /// QEMU's image format.
    Qcow2,
    /// QEMU's older image format.
    Qed,
    /// An image of `VMware`: sparse, or a descriptor that names other files.
    Vmdk,
    /// An image of Hyper-V.
    Vhdx,
    /// An image of Virtual PC that is not of fixed size. (Those of fixed size have their mark at the end.)
    Vhd,
    /// An image of `VirtualBox`.
    Vdi,
    /// An encrypted volume.
    Luks,
    /// A CD or DVD; it may be bootable as a disk, too.
    Iso,
    /// Bytes of a disk that begin with a boot sector.
    Disk,
    /// A stream of xz.
    Xz,
    /// A stream of bzip2.
    Bzip2,
    /// A frame of Zstandard.
    Zstd,
    /// A member of gzip.
    Gzip,
    /// An archive of tar.
    Tar,
    /// An archive of zip.
    Zip,
    /// An archive of 7-Zip.
    SevenZip,
    /// A page for a browser: what a mirror says instead of the file.
    Page,
    /// Nothing at all.
    Empty,
    /// Nothing that is known; the bytes of a disk look like that, too.
    Unknown,
}

/// Marks at fixed places, those that say more first.
const MARKS: [(usize, &[u8], Content); 18] = [
    (0, b"QFI\xfb", Content::Qcow2),
    (0, b"QED\0", Content::Qed),
    (0, b"KDMV", Content::Vmdk),
    (0, b"COWD", Content::Vmdk),
    (0, b"# Disk DescriptorFile", Content::Vmdk),
    (0, b"vhdxfile", Content::Vhdx),
    (0, b"conectix", Content::Vhd),
    (0x40, b"\x7f\x10\xda\xbe", Content::Vdi),
    (0, b"LUKS\xba\xbe", Content::Luks),
    (0, b"\xfd7zXZ\0", Content::Xz),
    (0, b"\x28\xb5\x2f\xfd", Content::Zstd),
    (0, b"\x1f\x8b\x08", Content::Gzip),
    (0, b"PK\x03\x04", Content::Zip),
    (0, b"7z\xbc\xaf\x27\x1c", Content::SevenZip),
    (257, b"ustar", Content::Tar),
    (ISO_AT, ISO, Content::Iso),
    (510, b"\x55\xaa", Content::Disk),
    (0, b"BZh", Content::Bzip2),
];

impl Content {
    /// What begins like this. [`TELLING`] bytes are enough.
    pub fn of(beginning: &[u8]) -> Self {
        if beginning.is_empty() {
            return Self::Empty;
        }
        let has = |at: usize, mark: &[u8]| beginning.get(at..).is_some_and(|b| b.starts_with(mark));
        for (at, mark, content) in MARKS {
            // The mark of bzip2 is short; the level and the mark of its first block belong to it.
            let whole = content != Self::Bzip2
                || (matches!(beginning.get(3), Some(b'1'..=b'9'))
                    && (has(4, b"1AY&SY") || has(4, b"\x17\x72\x45\x38\x50\x90")));
            if has(at, mark) && whole {
                return content;
            }
        }
        if is_page(beginning) { Self::Page } else { Self::Unknown }
    }

    /// As people and clouds write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Qed => "qed",
            Self::Vmdk => "vmdk",
            Self::Vhdx => "vhdx",
            Self::Vhd => "vhd",
            Self::Vdi => "vdi",
            Self::Luks => "luks",
            Self::Iso => "iso",
            Self::Disk => "raw",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
            Self::Tar => "tar",
            Self::Zip => "zip",
            Self::SevenZip => "7z",
            Self::Page => "a web page",
            Self::Empty => "nothing",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is packed, and has to be unpacked before anything can boot it.
    pub const fn is_packed(self) -> bool {
        matches!(
            self,
            Self::Xz
                | Self::Bzip2
                | Self::Zstd
                | Self::Gzip
                | Self::Tar
                | Self::Zip
                | Self::SevenZip
        )
    }

    /// Whether it certainly is an image of a disk.
    pub const fn is_image(self) -> bool {
        matches!(
            self,
            Self::Qcow2
                | Self::Qed
                | Self::Vmdk
                | Self::Vhdx
                | Self::Vhd
                | Self::Vdi
                | Self::Luks
                | Self::Iso
                | Self::Disk
        )
    }

    /// Whether something declared as `format` (a disk format of Glance) may look like this.
    ///
    /// Where content has no mark of its own, any format without one may be right.
    pub fn may_be(self, format: &str) -> bool {
        match format {
            "qcow2" => self == Self::Qcow2,
            "vmdk" => self == Self::Vmdk,
            "vhdx" => self == Self::Vhdx,
            "vdi" => self == Self::Vdi,
            "iso" => self == Self::Iso,
            // Of fixed size it looks like the disk that it is.
            "vhd" => matches!(self, Self::Vhd | Self::Disk | Self::Unknown),
            // An ISO is the bytes of a disk, too.
            "raw" | "ami" => {
                matches!(self, Self::Disk | Self::Iso | Self::Luks | Self::Unknown)
            }
            // Kernels and initial file systems: archives and programs of all kinds.
            _ => !matches!(self, Self::Page | Self::Empty),
        }
    }
}

impl std::fmt::Display for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

fn is_page(beginning: &[u8]) -> bool {
    let text = beginning.trim_ascii_start();
    let starts = |tag: &[u8]| text.get(..tag.len()).is_some_and(|b| b.eq_ignore_ascii_case(tag));
    starts(b"<!doctype html") || starts(b"<html") || starts(b"<?xml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(at: usize, mark: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; TELLING];
        bytes[at..at + mark.len()].copy_from_slice(mark);
        bytes
    }

    #[test]
    fn every_mark_is_found_and_none_in_zeros() {
        for (at, mark, content) in MARKS {
            let mut bytes = with(at, mark);
            if content == Content::Bzip2 {
                bytes[3..10].copy_from_slice(b"91AY&SY");
            }
            assert_eq!(Content::of(&bytes), content);
            assert!(!Content::of(&bytes[..at]).is_packed(), "cut before {content}");
        }
        assert_eq!(Content::of(&vec![0; TELLING]), Content::Unknown);
        assert_eq!(Content::of(b"BZhello, this is a text"), Content::Unknown);
        assert_eq!(Content::of(b""), Content::Empty);
    }

    #[test]
    fn an_iso_that_boots_as_a_disk_is_an_iso() {
        let mut hybrid = with(510, b"\x55\xaa");
        hybrid[ISO_AT..].copy_from_slice(ISO);
        assert_eq!(Content::of(&hybrid), Content::Iso);
        assert!(Content::Iso.may_be("raw") && Content::Iso.may_be("iso"));
    }

    #[test]
    fn pages_are_not_images_whatever_was_declared() {
        for text in ["<!DOCTYPE html>", "\n <HTML lang=\"de\">", "<?xml version=\"1.0\"?><Error/>"]
        {
            let content = Content::of(text.as_bytes());
            assert_eq!(content, Content::Page);
            for format in ["raw", "qcow2", "iso", "aki"] {
                assert!(!content.may_be(format));
            }
        }
    }

    #[test]
    fn a_wrong_declaration_is_noticed() {
        for (content, declared, right) in [
            (Content::Qcow2, "qcow2", true),
            (Content::Qcow2, "raw", false),
            (Content::Disk, "qcow2", false),
            (Content::Disk, "raw", true),
            (Content::Xz, "qcow2", false),
            (Content::Xz, "raw", false),
            (Content::Vmdk, "raw", false),
            (Content::Gzip, "ari", true),
        ] {
            assert_eq!(content.may_be(declared), right, "{content} as {declared}");
        }
    }
}

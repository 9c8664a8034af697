//! How much a revision may cost.

use std::time::Duration;

/// How much a revision may cost, whatever a server sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes of the pack that the server sends.
    pub pack_bytes: u64,
    /// Objects in it.
    pub objects: u32,
    /// Bytes of one object, and so of one file.
    pub file_bytes: usize,
    /// Bytes of all files together.
    pub tree_bytes: u64,
    /// Files, directories and links together.
    pub entries: usize,
    /// Directories within each other.
    pub depth: usize,
    /// From the first byte sent to the switch to the new revision.
    pub total: Duration,
    /// To a connection, and between two bytes of an answer.
    pub idle: Duration,
}

impl Default for Limits {
    /// Ample for an estate, harmless for the machine.
    fn default() -> Self {
        Self {
            pack_bytes: 64 << 20,
            objects: 200_000,
            file_bytes: 8 << 20,
            tree_bytes: 128 << 20,
            entries: 20_000,
            depth: 32,
            total: Duration::from_mins(2),
            idle: Duration::from_secs(30),
        }
    }
}

//! Which pieces of a file are there, which are on their way, and what to ask for next. Pure.

use std::ops::Range;

/// The smallest piece: smaller ones would make the journal longer and nothing better.
const SMALLEST: u64 = 64 << 10;
/// The largest: what one connection may lose when the process is killed.
const LARGEST: u64 = 4 << 20;
/// Pieces of a file that is neither small nor huge.
const MANY: u64 = 4096;
/// The largest span.
const LONGEST_SPAN: u64 = 64 << 20;
/// Spans of a file, about.
const SPANS: u64 = 32;

/// The size of the pieces of a file of so many bytes.
pub(crate) fn piece_size(size: u64) -> u64 {
    (size / MANY).checked_next_power_of_two().unwrap_or(LARGEST).clamp(SMALLEST, LARGEST)
}

/// What is there of a file, and what is on its way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Pieces {
    size: u64,
    piece: u64,
    done: Vec<bool>,
    taken: Vec<bool>,
    /// Pieces that are there without a gap from the beginning.
    leading: usize,
    /// Bytes of all pieces that are there.
    have: u64,
}

impl Pieces {
    /// Nothing of a file of so many bytes.
    pub(crate) fn none(size: u64) -> Self {
        let piece = piece_size(size);
        let count = usize::try_from(size.div_ceil(piece)).unwrap_or(usize::MAX);
        let (done, taken) = (vec![false; count], vec![false; count]);
        Self { size, piece, done, taken, leading: 0, have: 0 }
    }

    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of a piece; the last one may be shorter.
    pub(crate) const fn piece(&self) -> u64 {
        self.piece
    }

    pub(crate) const fn have(&self) -> u64 {
        self.have
    }

    pub(crate) const fn is_complete(&self) -> bool {
        self.have == self.size
    }

    /// Bytes that are there without a gap from the beginning.
    pub(crate) fn prefix(&self) -> u64 {
        self.size.min(self.leading as u64 * self.piece)
    }

    fn range(&self, index: usize) -> Range<u64> {
        let start = index as u64 * self.piece;
        start..self.size.min(start + self.piece)
    }

    /// A piece is there. Returns whether that is new; an index beyond the file is not.
    pub(crate) fn mark(&mut self, index: usize) -> bool {
        let range = self.range(index);
        match self.done.get_mut(index) {
            Some(done) if !*done => *done = true,
            _ => return false,
        }
        self.taken[index] = true;
        self.have += range.end - range.start;
        while self.done.get(self.leading) == Some(&true) {
            self.leading += 1;
        }
        true
    }

    /// The pieces that lie within a range of bytes as a whole.
    pub(crate) fn within(&self, bytes: Range<u64>) -> Range<usize> {
        let index = |at: u64| usize::try_from(at / self.piece).unwrap_or(usize::MAX);
        let first = index(bytes.start.next_multiple_of(self.piece));
        let end = if bytes.end >= self.size { self.done.len() } else { index(bytes.end) };
        first..end.max(first)
    }

    /// The pieces that are there.
    pub(crate) fn done(&self) -> impl Iterator<Item = usize> {
        self.done.iter().enumerate().filter_map(|(index, done)| done.then_some(index))
    }

    /// Takes the next bytes to ask for: the first pieces in a row that are neither there nor taken, as
    /// many as make a span.
    pub(crate) fn take_span(&mut self) -> Option<Range<u64>> {
        let start = self.taken.iter().position(|taken| !taken)?;
        let most = (self.size / SPANS).clamp(self.piece, LONGEST_SPAN) / self.piece;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let free = self.taken[start..].iter().take(most).take_while(|taken| !**taken).count();
        self.taken[start..start + free].fill(true);
        Some(self.range(start).start..self.range(start + free - 1).end)
    }

    /// Takes the pieces of a range that has been asked for already.
    pub(crate) fn take(&mut self, bytes: Range<u64>) {
        let range = self.within(bytes);
        self.taken[range].fill(true);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pieces_are_powers_of_two_and_a_small_part_of_large_files() {
        for size in [0, 1, 1 << 20, 700 << 20, 2 << 30, 20 << 30, u64::MAX] {
            let piece = piece_size(size);
            assert!(piece.is_power_of_two() && (SMALLEST..=LARGEST).contains(&piece));
        }
        assert_eq!(piece_size(2 << 30), 512 << 10);
    }

    #[test]
    fn an_empty_file_is_complete() {
        let mut pieces = Pieces::none(0);
        assert!(pieces.is_complete());
        assert_eq!((pieces.take_span(), pieces.prefix()), (None, 0));
    }

    proptest! {
        /// Whatever is there at first, the spans cover exactly the rest, once, and marking them
        /// completes the file; the prefix is what a naive look at all bytes says.
        #[test]
        fn spans_cover_what_is_missing(
            size in 1_u64..(9 << 20),
            first in proptest::collection::vec(any::<bool>(), 0..200),
        ) {
            let mut pieces = Pieces::none(size);
            let mut there = vec![false; usize::try_from(size.div_ceil(pieces.piece())).unwrap()];
            for (index, _) in first.iter().enumerate().filter(|(_, done)| **done) {
                prop_assert_eq!(pieces.mark(index), index < there.len());
                if let Some(slot) = there.get_mut(index) { *slot = true; }
            }
            while let Some(span) = pieces.take_span() {
                prop_assert!(span.start < span.end && span.end <= size);
                for index in pieces.within(span) {
                    prop_assert!(!there[index], "a piece was asked for twice");
                    there[index] = true;
                    prop_assert!(pieces.mark(index));
                }
                let leading = there.iter().take_while(|there| **there).count() as u64;
                prop_assert_eq!(pieces.prefix(), size.min(leading * pieces.piece()));
            }
            prop_assert!(pieces.is_complete());
            prop_assert!(there.iter().all(|there| *there));
        }
    }
}

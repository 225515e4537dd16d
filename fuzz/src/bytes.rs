//! Structure from bytes. Each decision consumes as few as it needs, and reads zeros after the end.

/// Reads decisions from the input of a fuzzer.
#[derive(Debug)]
pub(crate) struct Bytes<'a> {
    data: &'a [u8],
    at: usize,
    /// How many more times the input is read from its start.
    rounds: usize,
}

impl<'a> Bytes<'a> {
    pub(crate) const fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, rounds: 0 }
    }

    /// Repeats the rest of the input `rounds` times, so that a short input drives a long run.
    pub(crate) fn repeated(&mut self, rounds: usize) {
        self.data = self.rest();
        self.at = 0;
        self.rounds = rounds;
    }

    pub(crate) fn u8(&mut self) -> u8 {
        if self.at >= self.data.len() && self.rounds > 0 {
            self.rounds -= 1;
            self.at = 0;
        }
        let byte = self.data.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    pub(crate) fn i64(&mut self) -> i64 {
        i64::from_be_bytes(self.array())
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.u8())
    }

    /// Returns a number below `count`, which is at most 256. Zero after the end.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::from(self.u8()) % count.max(1)
    }

    /// Returns one of a list. The first one after the end.
    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// Returns true in one of `cases` cases, and never after the end.
    pub(crate) fn one_in(&mut self, cases: u8) -> bool {
        self.u8() % cases == cases - 1
    }

    /// Reads a length from the next byte, and returns that many bytes, at most `most`.
    pub(crate) fn some(&mut self, most: usize) -> &'a [u8] {
        let count = usize::from(self.u8()).min(most);
        let rest = self.rest();
        let taken = &rest[..count.min(rest.len())];
        self.at += taken.len();
        taken
    }

    /// Returns the unread bytes.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    /// Returns whether only zeros follow.
    pub(crate) fn is_over(&self) -> bool {
        self.rounds == 0 && self.at >= self.data.len()
    }
}

//! A reader of the octets of a DNS message.

/// A place in a message, from which no read goes beyond an end.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'m> {
    message: &'m [u8],
    place: usize,
    end: usize,
}

impl<'m> Cursor<'m> {
    pub(super) const fn new(message: &'m [u8]) -> Self {
        Self { message, place: 0, end: message.len() }
    }

    /// Returns a cursor at another place of the whole message.
    pub(super) fn at(&self, place: usize) -> Option<Self> {
        let end = self.message.len();
        (place <= end).then_some(Self { message: self.message, place, end })
    }

    pub(super) const fn place(&self) -> usize {
        self.place
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.place >= self.end
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'m [u8]> {
        let end = self.place.checked_add(length).filter(|&end| end <= self.end)?;
        let octets = self.message.get(self.place..end)?;
        self.place = end;
        Some(octets)
    }

    /// Returns a cursor that ends after `length` octets, and moves behind them.
    pub(super) fn part(&mut self, length: usize) -> Option<Self> {
        let start = self.place;
        self.take(length)?;
        Some(Self { message: self.message, place: start, end: self.place })
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }
}

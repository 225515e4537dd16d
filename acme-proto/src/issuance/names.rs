//! The ordered identifiers, to be found by what an authorization says.
//!
//! An order of N names has N authorizations, and the name of each is looked for among those that were ordered
//! (RFC 8555 Section 7.5).

use crate::identifier::Identifier;
use crate::sorted::{SortedMap, SortedSet};

/// The ordered identifiers by their names without `*.`.
#[derive(Debug)]
pub(super) struct Names {
    by_base: SortedMap<Identifier, Ordered>,
    count: usize,
}

/// Which of a name and its wildcard were ordered.
#[derive(Debug, Default)]
struct Ordered {
    plain: Option<Identifier>,
    wildcard: Option<Identifier>,
}

impl Names {
    pub(super) fn new(identifiers: &[Identifier]) -> Self {
        let mut by_base: SortedMap<Identifier, Ordered> = SortedMap::new();
        for identifier in identifiers {
            let ordered = by_base.or_default(identifier.base());
            let place = match identifier.is_wildcard() {
                true => &mut ordered.wildcard,
                false => &mut ordered.plain,
            };
            *place = Some(identifier.clone());
        }
        Self { by_base, count: identifiers.len() }
    }

    /// Returns how many identifiers were ordered.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Returns whether these are the bases of all that was ordered.
    pub(super) fn are(&self, bases: &SortedSet<Identifier>) -> bool {
        self.by_base.keys().eq(bases.iter())
    }

    /// Returns the ordered identifier that an authorization is for.
    pub(super) fn find(&self, base: &Identifier, wildcard: bool) -> Option<&Identifier> {
        let Ordered { plain, wildcard: starred } = self.by_base.get(base)?;
        // A server may forget to say that a wildcard is one.
        match wildcard {
            true => starred.as_ref().or(plain.as_ref()),
            false => plain.as_ref().or(starred.as_ref()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_authorization_is_for_the_name_or_for_its_wildcard() {
        let [a, star_a, star_b, c] =
            ["a.example", "*.a.example", "*.b.example", "c.example"].map(|n| n.parse().unwrap());
        let names = Names::new(&[a, star_a, star_b]);
        let found = |base: &str, wildcard| {
            names.find(&base.parse().unwrap(), wildcard).map(|name: &Identifier| name.value())
        };
        assert_eq!(found("a.example", false).as_deref(), Some("a.example"));
        assert_eq!(found("a.example", true).as_deref(), Some("*.a.example"));
        assert_eq!(found("b.example", false).as_deref(), Some("*.b.example"));
        assert_eq!(names.find(&c, false), None);
    }
}

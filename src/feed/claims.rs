//! Which feed brings which venue: two that brought the same would overwrite each other.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::SpecError;
use crate::market::VenueName;

/// The venues that are spoken for. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Claims(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    by: HashMap<VenueName, Option<Owner>>,
    owners: usize,
    has_stdin: bool,
}

/// A feed that learns only while it runs which venues it brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(usize);

impl Claims {
    /// Takes a venue for a feed that is being made.
    ///
    /// # Errors
    /// [`SpecError::VenueTwice`] where another feed has it.
    pub fn take(&self, venue: &VenueName) -> Result<(), SpecError> {
        match self.lock().by.entry(venue.clone()) {
            Entry::Vacant(free) => {
                free.insert(None);
                Ok(())
            }
            Entry::Occupied(_) => Err(SpecError::VenueTwice { venue: venue.clone() }),
        }
    }

    /// Takes standard input, whose lines two feeds would tear apart.
    ///
    /// # Errors
    /// [`SpecError::StdinTwice`] where another feed has it.
    pub fn take_stdin(&self) -> Result<(), SpecError> {
        match std::mem::replace(&mut self.lock().has_stdin, true) {
            false => Ok(()),
            true => Err(SpecError::StdinTwice),
        }
    }

    /// Makes an owner for [`Claims::take_for`].
    pub fn owner(&self) -> Owner {
        let mut taken = self.lock();
        taken.owners += 1;
        Owner(taken.owners)
    }

    /// Takes a venue for a running feed; `false` where another has it.
    pub fn take_for(&self, owner: Owner, venue: &VenueName) -> bool {
        *self.lock().by.entry(venue.clone()).or_insert(Some(owner)) == Some(owner)
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_venue_has_one_feed_and_a_running_one_keeps_what_it_took() {
        let venue = |name| VenueName::parse(name).expect("a venue");
        let claims = Claims::default();
        claims.take(&venue("a")).expect("free");
        let error = claims.clone().take(&venue("a")).expect_err("taken").to_string();
        assert!(error.contains("`a`"), "{error}");
        let (one, other) = (claims.owner(), claims.owner());
        assert!(claims.take_for(one, &venue("b")) && claims.take_for(one, &venue("b")));
        assert!(!claims.take_for(other, &venue("b")) && !claims.take_for(one, &venue("a")));
        assert!(claims.take(&venue("b")).is_err());
    }
}

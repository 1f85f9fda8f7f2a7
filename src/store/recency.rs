//! Instruments in order of their last change: a linked list inside two arrays.
//!
//! Makes "what changed since" cost what changed, not what exists.

/// End of the list.
const NONE: u32 = u32::MAX;

/// Positions in order of last touch, oldest first. Touching and appending cost the same few writes.
#[derive(Clone, Debug)]
pub(super) struct Recency {
    older: Vec<u32>,
    newer: Vec<u32>,
    oldest: u32,
    newest: u32,
}

impl Recency {
    pub(super) fn new() -> Recency {
        Recency {
            older: Vec::new(),
            newer: Vec::new(),
            oldest: NONE,
            newest: NONE,
        }
    }

    /// Appends the next position as the newest.
    pub(super) fn push(&mut self) {
        let at = self.older.len() as u32;
        self.older.push(NONE);
        self.newer.push(NONE);
        self.link_newest(at);
    }

    /// Makes a position the newest.
    pub(super) fn touch(&mut self, at: usize) {
        let at = at as u32;
        if self.newest == at {
            return;
        }
        let (older, newer) = (self.older[at as usize], self.newer[at as usize]);
        match older {
            NONE => self.oldest = newer,
            older => self.newer[older as usize] = newer,
        }
        if newer != NONE {
            self.older[newer as usize] = older;
        }
        self.link_newest(at);
    }

    /// Positions from the newest to the oldest.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = usize> + '_ {
        let mut at = self.newest;
        std::iter::from_fn(move || {
            let here = (at != NONE).then_some(at as usize)?;
            at = self.older[here];
            Some(here)
        })
    }

    fn link_newest(&mut self, at: u32) {
        self.older[at as usize] = self.newest;
        self.newer[at as usize] = NONE;
        match self.newest {
            NONE => self.oldest = at,
            newest => self.newer[newest as usize] = at,
        }
        self.newest = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn order_is_the_order_of_touches(touches in prop::collection::vec(0usize..6, 0..60)) {
            let mut recency = Recency::new();
            let mut naive: Vec<usize> = Vec::new();
            for at in touches {
                if at >= naive.len() {
                    recency.push();
                    naive.push(naive.len());
                } else {
                    recency.touch(at);
                    naive.retain(|x| *x != at);
                    naive.push(at);
                }
                let want: Vec<usize> = naive.iter().rev().copied().collect();
                prop_assert_eq!(recency.newest_first().collect::<Vec<_>>(), want);
            }
        }
    }
}

//! The seq rules of the protocol for one subscriber: a few numbers, checked at every message.

use super::fault::Fault;
use crate::wire::DeltaPeek;

/// Up to where a subscriber has seen everything.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Own {
    /// 0 before the first snapshot.
    epoch: u64,
    seq: u64,
    /// The delta whose next part is owed.
    in_parts: Option<u64>,
}

impl Own {
    /// Whether a snapshot's part has come: before it nothing is held.
    pub(super) fn is_begun(&self) -> bool {
        self.epoch != 0
    }

    /// Takes a snapshot's part; says whether a new epoch has replaced another.
    ///
    /// # Errors
    /// It is older than what is known.
    pub(super) fn snapshot(&mut self, epoch: u64, seq: u64) -> Result<bool, Fault> {
        let (before, own) = (self.epoch, self.seq);
        if epoch != before {
            *self = Own {
                epoch,
                seq,
                in_parts: None,
            };
            return Ok(before != 0);
        }
        self.seq = own.max(seq);
        match self.in_parts.take() {
            Some(of) => Err(Fault::BetweenParts { of, seq }),
            None if seq < own => Err(Fault::NotGrown { own, seq }),
            None => Ok(false),
        }
    }

    /// Takes a delta or a part of one.
    ///
    /// # Errors
    /// Something was lost before it, or it is out of order; what follows is measured from it on.
    pub(super) fn delta(&mut self, delta: &DeltaPeek) -> Result<(), Fault> {
        let (own, seq, prev_seq) = (self.seq, delta.head.seq.0, delta.head.prev_seq.0);
        let of = self.in_parts.take();
        self.in_parts = delta.more.then_some(seq);
        if !delta.more {
            self.seq = own.max(seq);
        }
        match of {
            Some(of) if of != seq => Err(Fault::BetweenParts { of, seq }),
            _ if seq <= own => Err(Fault::NotGrown { own, seq }),
            _ if prev_seq > own => Err(self.lost(own, prev_seq, seq)),
            _ => Ok(()),
        }
    }

    /// Takes a heartbeat.
    ///
    /// # Errors
    /// Something was lost before it.
    pub(super) fn heartbeat(&mut self, seq: u64, prev_seq: u64) -> Result<(), Fault> {
        let own = self.seq;
        self.seq = own.max(seq);
        match prev_seq > own {
            true => Err(self.lost(own, prev_seq, seq)),
            false => Ok(()),
        }
    }

    /// What was lost is told once: all parts of a delta repeat its numbers.
    fn lost(&mut self, own: u64, prev_seq: u64, seq: u64) -> Fault {
        self.seq = self.seq.max(prev_seq);
        Fault::Lost { own, prev_seq, seq }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Ts;
    use crate::store::Seq;
    use crate::wire::DeltaHead;

    fn delta(prev_seq: u64, seq: u64, more: bool) -> DeltaPeek {
        DeltaPeek {
            head: DeltaHead {
                seq: Seq(seq),
                prev_seq: Seq(prev_seq),
                ts: Ts(0),
                skipped: 0,
            },
            more,
            entries: 1,
            has_listings: false,
        }
    }

    fn own(seq: u64) -> Own {
        let mut own = Own::default();
        assert!(!own.snapshot(7, seq).expect("the first"));
        own
    }

    #[test]
    fn deltas_that_meet_or_overlap_are_right() {
        let mut own = own(10);
        for (prev_seq, seq, more) in [
            (10, 11, false),
            (5, 14, false),
            (14, 20, true),
            (14, 20, true),
            (14, 20, false),
        ] {
            own.delta(&delta(prev_seq, seq, more)).expect("in order");
        }
        own.heartbeat(25, 20).expect("in order");
        own.delta(&delta(25, 26, false)).expect("in order");
        assert!(!own.snapshot(7, 26).expect("the same epoch"));
    }

    #[test]
    fn a_gap_is_told_once_and_names_both_ends() {
        let mut own = own(10);
        let fault = own.delta(&delta(12, 13, true)).expect_err("lost");
        assert!(
            matches!(
                fault,
                Fault::Lost {
                    own: 10,
                    prev_seq: 12,
                    seq: 13
                }
            ),
            "{fault}"
        );
        own.delta(&delta(12, 13, false)).expect("its second part");
        own.delta(&delta(13, 14, false)).expect("the next");
        let fault = own.heartbeat(20, 16).expect_err("lost");
        assert!(
            matches!(
                fault,
                Fault::Lost {
                    own: 14,
                    prev_seq: 16,
                    seq: 20
                }
            ),
            "{fault}"
        );
    }

    #[test]
    fn what_is_old_or_breaks_into_a_delta_is_told() {
        let mut own = own(10);
        let fault = own.delta(&delta(9, 10, false)).expect_err("old");
        assert!(matches!(fault, Fault::NotGrown { own: 10, seq: 10 }), "{fault}");
        assert!(own.snapshot(7, 9).is_err());
        own.delta(&delta(10, 12, true)).expect("a part");
        let fault = own.delta(&delta(10, 13, false)).expect_err("another between");
        assert!(matches!(fault, Fault::BetweenParts { of: 12, seq: 13 }), "{fault}");
    }

    #[test]
    fn a_new_epoch_starts_afresh_even_between_parts() {
        let mut own = own(10);
        own.delta(&delta(10, 12, true)).expect("a part");
        assert!(own.snapshot(8, 2).expect("a new epoch"));
        own.delta(&delta(2, 3, false)).expect("in order");
    }
}

//! Which pairs a parser is for, and what the venue's reference data say of them.
//!
//! The venue names all of its pairs, some 1,500, to everyone who asks for precisions.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::bounds::PAIRS_MAX;
use super::levels::Precision;
use super::messages::Pair;

/// What the reference data say of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) precision: Precision,
    /// `None` where the venue uses a word that is not known here: then what was said before stands.
    pub(super) is_halted: Option<bool>,
}

impl Stated {
    pub(super) fn of(pair: &Pair<'_>) -> Stated {
        Stated {
            precision: Precision {
                price: pair.price_precision,
                size: pair.qty_precision,
            },
            is_halted: is_halted(&pair.status),
        }
    }
}

/// Whether nothing is traded in this state of a pair or of the whole venue; `None` for a word that is not known.
///
/// The venue's words ("Instruments" and "Status" of its WebSocket v2). In `post_only` no orders are matched; in
/// `limit_only` and `reduce_only` they are.
pub(super) fn is_halted(status: &str) -> Option<bool> {
    match status {
        "online" | "limit_only" | "reduce_only" => Some(false),
        "cancel_only" | "post_only" | "maintenance" | "delisted" | "work_in_progress" => Some(true),
        _ => None,
    }
}

/// The pairs that a parser is for.
#[derive(Debug)]
pub(super) enum Pairs {
    /// Those that were asked for.
    Asked(Arc<FxHashSet<String>>),
    /// Those of which data come, in a recording; what was said of the others waits for them.
    Recorded(FxHashMap<Box<str>, Stated>),
}

impl Pairs {
    /// Whether the pair is known to be of interest before any data of it.
    pub(super) fn is_asked(&self, name: &str) -> bool {
        match self {
            Pairs::Asked(names) => names.contains(name),
            Pairs::Recorded(_) => false,
        }
    }

    /// Remembers what was said of a pair, in case data of it come.
    pub(super) fn remember(&mut self, name: &str, stated: Stated) {
        let Pairs::Recorded(known) = self else { return };
        if let Some(known) = known.get_mut(name) {
            *known = stated;
        } else if known.len() < PAIRS_MAX {
            known.insert(name.into(), stated);
        }
    }

    /// What was remembered of a pair.
    pub(super) fn stated(&self, name: &str) -> Option<Stated> {
        match self {
            Pairs::Asked(_) => None,
            Pairs::Recorded(known) => known.get(name).copied(),
        }
    }
}

//! What a subscriber may have.

use crate::market::{Rights, SymbolPattern};
use crate::wire::{Refused, proto};

use super::FanoutConfig;

/// What a subscriber may see, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// What it may see.
    pub rights: Rights,
    /// Most symbols and instruments at subscribe, no more than the server allows anybody.
    pub symbols_max: usize,
    /// Least beats between two deltas.
    pub pace_beats_min: u64,
    /// Most beats between two deltas.
    pub pace_beats_max: u64,
}

impl Allowance {
    /// All there is, so many symbols of it, at any pace.
    pub fn everything(symbols_max: usize) -> Allowance {
        Allowance {
            rights: Rights::all(),
            symbols_max,
            pace_beats_min: 1,
            pace_beats_max: u64::MAX,
        }
    }

    /// The pace of those allowed that is nearest to the one asked for.
    pub fn pace(&self, asked_beats: u64) -> u64 {
        asked_beats.min(self.pace_beats_max).max(self.pace_beats_min).max(1)
    }

    /// Tells strings that may be given from those that are refused for want of right. The words are the same whether or
    /// not there is such a symbol.
    pub fn sort_out(&self, strings: Vec<SymbolPattern>) -> (Vec<SymbolPattern>, Vec<Refused>) {
        if self.rights.is_all() {
            return (strings, Vec::new());
        }
        let (allowed, forbidden): (Vec<_>, Vec<_>) =
            strings.into_iter().partition(|string| self.rights.allow_string(string));
        let refused = |string: SymbolPattern| Refused {
            symbol: string.as_str().to_owned(),
            code: proto::ErrorCode::Forbidden,
            message: "there is no right to see this symbol".to_owned(),
        };
        (allowed, forbidden.into_iter().map(refused).collect())
    }
}

impl FanoutConfig {
    /// What a subscriber may have where nothing but the server limits it.
    pub fn allowance(&self) -> Allowance {
        Allowance::everything(self.symbols_max)
    }
}

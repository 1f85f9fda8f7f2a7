//! What was said before and stands: for how long, and what nobody says any more.
//!
//! An unchanged value is no change, so its age is that of the last change; of when a sample was taken only `uptime_s` tells.

use std::collections::BTreeMap;

use super::figures::{Figure, Said};

/// Samples for which a value stands that was not measured again: a minute, in which a subscriber is pinged three times.
const STANDS_SAMPLES: u32 = 60;

/// Figures that were said so far.
#[derive(Debug, Default)]
pub(super) struct Memory(BTreeMap<String, Known>);

#[derive(Debug)]
struct Known {
    decimals: u8,
    /// Samples since it was measured.
    silent: u32,
}

impl Memory {
    /// Clears what has stood too long, and what is said no more: a venue that others have pushed out.
    pub(super) fn settle(&mut self, figures: &mut Vec<Figure>) {
        let mut before = std::mem::take(&mut self.0);
        for figure in figures.iter_mut() {
            let (name, known) = before.remove_entry(&figure.name).unzip();
            let silent = match figure.value {
                Said::Value(_) | Said::Nothing => 0,
                Said::AsBefore => known.map_or(0, |known: Known| known.silent).saturating_add(1),
            };
            if silent >= STANDS_SAMPLES {
                figure.value = Said::Nothing;
            }
            let decimals = figure.decimals;
            self.0
                .insert(name.unwrap_or_else(|| figure.name.clone()), Known { decimals, silent });
        }
        figures.extend(before.into_iter().map(|(name, known)| Figure {
            name,
            decimals: known.decimals,
            value: Said::Nothing,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Decimal;

    fn settled(memory: &mut Memory, figures: &[(&str, Said)]) -> Vec<(String, Said)> {
        let figure = |(name, value): &(&str, Said)| Figure {
            name: (*name).to_owned(),
            decimals: 1,
            value: *value,
        };
        let mut figures: Vec<_> = figures.iter().map(figure).collect();
        memory.settle(&mut figures);
        figures.into_iter().map(|figure| (figure.name, figure.value)).collect()
    }

    #[test]
    fn a_value_that_is_not_measured_again_stands_for_a_minute() {
        let mut memory = Memory::default();
        let one = Said::Value(Decimal::from_int(1));
        for _ in 0..2 {
            assert_eq!(settled(&mut memory, &[("ping", one)])[0].1, one);
            for sample in 1..STANDS_SAMPLES {
                let said = settled(&mut memory, &[("ping", Said::AsBefore)]);
                assert_eq!(said[0].1, Said::AsBefore, "sample {sample}");
            }
            assert_eq!(settled(&mut memory, &[("ping", Said::AsBefore)])[0].1, Said::Nothing);
        }
    }

    #[test]
    fn what_is_said_no_more_is_cleared_once() {
        let mut memory = Memory::default();
        let one = Said::Value(Decimal::from_int(1));
        settled(&mut memory, &[("a", one), ("b", one)]);
        let said = settled(&mut memory, &[("a", one)]);
        assert_eq!(said, [("a".to_owned(), one), ("b".to_owned(), Said::Nothing)]);
        assert_eq!(settled(&mut memory, &[("a", one)]).len(), 1);
    }
}

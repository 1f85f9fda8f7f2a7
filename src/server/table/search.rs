//! Which instruments of the table are asked for, found a piece at a time. Many patterns on many instruments take some
//! hundred milliseconds: in one piece the table would stand still for so long, and with it everybody else who reads it.

use std::ops::ControlFlow;

use super::asked::Asked;
use super::{Query, State};
use crate::fanout::{resolve, resolve_within};
use crate::market::{InstrumentId, SymbolPattern};
use crate::server::bounds::{ATTEMPTS_MAX, LOOKED_MAX};
use crate::store::{Epoch, Table};

/// What was found so far.
#[derive(Debug)]
pub(in crate::server) struct Search {
    /// Whose instruments they are.
    pub(in crate::server) epoch: Epoch,
    /// Ascending once all were looked at, tombstones included.
    pub(in crate::server) ids: Vec<InstrumentId>,
    /// Instruments of the table that were looked at.
    looked: usize,
    /// Those before were there when it began: exact symbols among them were looked up and need no look.
    known: usize,
}

impl Search {
    /// Begins in a table.
    pub(in crate::server) fn begin(asked: &Asked, state: &State) -> Search {
        let (globs, exact) = split(asked);
        let known = state.table.len();
        Search {
            epoch: state.epoch,
            ids: resolve(&exact, asked.rights(), &state.table),
            looked: if globs.is_empty() { known } else { 0 },
            known,
        }
    }

    /// Looks at the next instruments; true once there are no more.
    pub(in crate::server) fn step(&mut self, asked: &Asked, table: &Table) -> bool {
        let count = (LOOKED_MAX / asked.strings.len().max(1)).max(1);
        if self.looked < self.known {
            let (globs, _) = split(asked);
            let to = self.known.min(self.looked + count);
            let found = resolve_within(&globs, asked.rights(), table, self.looked..to);
            self.ids.extend(found);
            self.looked = to;
            if to == self.known {
                self.ids.sort_unstable();
                self.ids.dedup();
            }
        } else {
            let to = table.len().min(self.looked + count);
            let found = resolve_within(&asked.strings, asked.rights(), table, self.looked..to);
            self.ids.extend(found);
            self.looked = to;
        }
        self.looked == table.len()
    }
}

/// Patterns, and exact symbols.
fn split(asked: &Asked) -> (Vec<SymbolPattern>, Vec<SymbolPattern>) {
    let is_glob = |string: &SymbolPattern| matches!(string, SymbolPattern::Glob(_));
    asked.strings.iter().cloned().partition(is_glob)
}

impl Query {
    /// Does long work on the table a piece at a time; between two pieces the table goes on. A new epoch voids what was done, and
    /// work that was voided again and again is then done in one piece. On a thread that may block.
    pub(in crate::server) fn in_pieces<W, T>(
        &self,
        begin: impl Fn(&State) -> W,
        mut piece: impl FnMut(W, &State) -> ControlFlow<T, W>,
    ) -> T {
        let (mut attempts, mut under_way): (usize, Option<(Epoch, W)>) = (0, None);
        loop {
            let done = self.read(|state| {
                let mut work = match under_way.take() {
                    Some((epoch, work)) if epoch == state.epoch => work,
                    _ => {
                        attempts += 1;
                        begin(state)
                    }
                };
                loop {
                    match piece(work, state) {
                        ControlFlow::Break(done) => return Some(done),
                        ControlFlow::Continue(more) if attempts > ATTEMPTS_MAX => work = more,
                        ControlFlow::Continue(more) => {
                            under_way = Some((state.epoch, more));
                            return None;
                        }
                    }
                }
            });
            if let Some(done) = done {
                return done;
            }
        }
    }

    /// Finds what is asked for, then looks at it in the table that it was found in; on a thread that may block.
    pub(in crate::server) fn find<T>(&self, asked: &Asked, look: impl FnOnce(&State, Search) -> T) -> T {
        let mut look = Some(look);
        let begin = |state: &State| Search::begin(asked, state);
        self.in_pieces(begin, |mut search, state| {
            let is_done = search.step(asked, &state.table);
            match look.take_if(|_| is_done) {
                Some(look) => ControlFlow::Break(look(state, search)),
                None => ControlFlow::Continue(search),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::engine::tick_channel;
    use crate::fanout::Allowance;
    use crate::market::{Decimal, Event, Field, Fields, Symbol, Ts, Update};
    use crate::store::Writer;

    const EPOCH: Epoch = Epoch::new(7).expect("an epoch");

    /// Adds instruments to a table.
    fn list(writer: &mut Writer, table: &mut Table, numbers: std::ops::Range<usize>) {
        for number in numbers {
            let mut fields = Fields::new();
            fields.set(Field::BidPrice, Decimal::from_int(number as i64));
            let update = Update {
                symbol: Symbol::parse(&format!("a:{number:05}")).expect("a symbol"),
                fields,
                ts_event: None,
                ts_recv: Ts(1),
            };
            writer.apply(&Event::Update(update), Ts(1));
        }
        table.apply(&writer.seal(Ts(1)).expect("a beat"));
    }

    fn query(table: Table) -> Arc<Query> {
        let (_, ticks) = tick_channel(1);
        Query::spawn(EPOCH, Ts(1), table, ticks).expect("a thread").0
    }

    fn asked(list: &str) -> Asked {
        Asked::parse(list, Allowance::everything(100_000)).expect(list)
    }

    #[test]
    fn what_is_found_in_pieces_is_what_strings_cover_also_where_the_table_grows_meanwhile() {
        let (mut writer, mut table) = (Writer::new(100_000), Table::new());
        list(&mut writer, &mut table, 0..9_000);
        // Enough strings that each piece is a part of the table.
        let many: Vec<String> = (0..60).map(|n| format!("a:*{n:02}")).collect();
        let asked = asked(&format!("{},a:00099,a:09001,a:10000", many.join(",")));
        let mut state = State::with(EPOCH, Ts(1), table);
        let mut search = Search::begin(&asked, &state);
        let mut steps = 1;
        while !search.step(&asked, &state.table) {
            steps += 1;
            let size = state.table.len();
            list(&mut writer, &mut state.table, size..size + 100);
        }
        assert!(steps > 5, "{steps} steps");
        assert_eq!(search.ids, resolve(&asked.strings, asked.rights(), &state.table));
    }

    #[test]
    fn others_write_between_two_pieces() {
        let query = query(Table::new());
        let has_written = AtomicBool::new(false);
        let until = Instant::now() + Duration::from_secs(60);
        std::thread::scope(|scope| {
            scope.spawn(|| query.write(|_| has_written.store(true, Relaxed)));
            let is_let_in = query.in_pieces(
                |_| (),
                |(), _| match has_written.load(Relaxed) || Instant::now() > until {
                    true => ControlFlow::Break(has_written.load(Relaxed)),
                    false => ControlFlow::Continue(()),
                },
            );
            assert!(is_let_in);
        });
    }

    #[test]
    fn work_that_new_epochs_void_again_and_again_is_done_in_one_piece() {
        let query = query(Table::new());
        let (begun, is_done) = (Cell::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut number, until) = (EPOCH.get(), Instant::now() + Duration::from_secs(60));
                while !is_done.load(Relaxed) && Instant::now() < until {
                    number += 1;
                    query.write(|state| state.epoch = Epoch::new(number).expect("an epoch"));
                }
            });
            let begin = |state: &State| {
                begun.set(begun.get() + 1);
                (state.epoch, 0)
            };
            let attempts = || begun.get();
            query.in_pieces(begin, |(epoch, count), state| {
                assert_eq!(state.epoch, epoch);
                // Before, it has no end but the next epoch.
                match attempts() > ATTEMPTS_MAX && count == 1_000 {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue((epoch, count + 1)),
                }
            });
            is_done.store(true, Relaxed);
        });
        assert_eq!(begun.get(), ATTEMPTS_MAX + 1);
    }
}

//! What the user has chosen to see, and the keys for it. Pure.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::columns::{approximate, change};
use crate::cli::terminal::is_end;
use crate::client::{Ticker, View};
use crate::market::{Field, Symbol};

/// Longest filter, in characters: no symbol has more.
const FILTER_MOST: usize = 96;

pub(super) const HELP: [&str; 12] = [
    "q, Ctrl-C               end",
    "up, down                move by a row",
    "page up, page down      move by a screen",
    "home, end               to the first, to the last row",
    "s                       sort by symbol, change, last update, volume",
    "r                       the other way round",
    "/                       show only symbols with a text, typed anew: Enter keeps it, Esc shows all",
    "space                   hold everything still, and go on",
    "?                       this help, and away again",
    "",
    "Green went up, red went down. B and S: the last trade was a buy, a sell. Change is from the day's open to last. Dim \
     is not live. The bars are the last price, or the middle of bid and ask, of two minutes.",
    "Lag is from a venue's stamp to the server's, of the last 5 s: p50 is the middle, p99 what one in a hundred exceeds. \
     Age is since the newest change; with ≥ that was before this was connected.",
];

/// What rows are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    /// From A on.
    #[default]
    Symbol,
    /// What rose most first.
    Change,
    /// The newest first.
    Update,
    /// The most first.
    Volume,
}

impl Sort {
    pub(super) fn word(self) -> &'static str {
        match self {
            Sort::Symbol => "symbol",
            Sort::Change => "change",
            Sort::Update => "last update",
            Sort::Volume => "volume",
        }
    }

    fn next(self) -> Sort {
        match self {
            Sort::Symbol => Sort::Change,
            Sort::Change => Sort::Update,
            Sort::Update => Sort::Volume,
            Sort::Volume => Sort::Symbol,
        }
    }

    /// What the most of goes first; those without any go last.
    fn key(self, ticker: &Ticker) -> Option<f64> {
        match self {
            Sort::Symbol => None,
            Sort::Change => change(ticker).map(|change| change as f64),
            Sort::Update => Some(ticker.ts().0 as f64),
            Sort::Volume => ticker.value(Field::Volume).map(approximate),
        }
    }
}

/// Which rows, in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) sort: Sort,
    pub(super) is_reversed: bool,
    /// As typed; empty shows all.
    pub(super) filter: String,
}

impl Order {
    /// The symbols to show, first to last.
    pub(super) fn symbols(&self, view: &View) -> Vec<Symbol> {
        let wanted = self.filter.to_lowercase();
        let is_wanted =
            |ticker: &&Ticker| wanted.is_empty() || ticker.symbol().as_str().to_lowercase().contains(&wanted);
        // By symbol already.
        let mut rows: Vec<(Option<f64>, &Symbol)> = view
            .iter()
            .filter(is_wanted)
            .map(|ticker| (self.sort.key(ticker), ticker.symbol()))
            .collect();
        if self.sort == Sort::Symbol {
            if self.is_reversed {
                rows.reverse();
            }
        } else {
            rows.sort_by(|(a, _), (b, _)| match (a, b) {
                (Some(a), Some(b)) if self.is_reversed => a.total_cmp(b),
                (Some(a), Some(b)) => b.total_cmp(a),
                (a, b) => b.is_some().cmp(&a.is_some()),
            });
        }
        rows.into_iter().map(|(_, symbol)| symbol.clone()).collect()
    }
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Choice {
    pub(super) order: Order,
    /// The filter is being typed.
    pub(super) is_typing: bool,
    pub(super) is_held: bool,
    pub(super) has_help: bool,
    /// Rows above the first that is shown.
    pub(super) above: usize,
    /// Rows that fit, as drawn last.
    pub(super) room: usize,
}

impl Choice {
    /// Does what a key asks; whether that is to end.
    pub(super) fn press(&mut self, key: &KeyEvent) -> bool {
        if self.is_typing && !key.modifiers.contains(KeyModifiers::CONTROL) {
            self.typed(key.code);
            return false;
        }
        if is_end(key) {
            return true;
        }
        let page = self.room.max(1);
        match key.code {
            KeyCode::Up | KeyCode::Char('k') => self.above = self.above.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.above = self.above.saturating_add(1),
            KeyCode::PageUp => self.above = self.above.saturating_sub(page),
            KeyCode::PageDown => self.above = self.above.saturating_add(page),
            KeyCode::Home => self.above = 0,
            KeyCode::End => self.above = usize::MAX,
            KeyCode::Char('s') => self.order.sort = self.order.sort.next(),
            KeyCode::Char('r') => self.order.is_reversed = !self.order.is_reversed,
            KeyCode::Char('/') => {
                self.is_typing = true;
                self.order.filter.clear();
            }
            KeyCode::Char(' ') => self.is_held = !self.is_held,
            KeyCode::Char('?' | 'h') => self.has_help = !self.has_help,
            KeyCode::Esc if self.has_help => self.has_help = false,
            KeyCode::Esc => self.order.filter.clear(),
            _ => {}
        }
        false
    }

    fn typed(&mut self, key: KeyCode) {
        let filter = &mut self.order.filter;
        match key {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.is_typing = false;
                filter.clear();
            }
            KeyCode::Backspace => drop(filter.pop()),
            KeyCode::Char(c) if filter.chars().count() < FILTER_MOST => filter.push(c),
            _ => {}
        }
        self.above = 0;
    }

    /// The rows of so many that are shown where so many fit.
    pub(super) fn window(&mut self, rows: usize, room: usize) -> std::ops::Range<usize> {
        self.room = room;
        self.above = self.above.min(rows.saturating_sub(room));
        self.above..rows.min(self.above + room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::watch::tests::view;

    fn press(choice: &mut Choice, keys: &str) -> bool {
        keys.chars().any(|c| {
            let code = match c {
                '\n' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                '\x08' => KeyCode::Backspace,
                '↓' => KeyCode::Down,
                '↑' => KeyCode::Up,
                '⇟' => KeyCode::PageDown,
                '⇞' => KeyCode::PageUp,
                '⇤' => KeyCode::Home,
                '⇥' => KeyCode::End,
                c => KeyCode::Char(c),
            };
            choice.press(&KeyEvent::from(code))
        })
    }

    fn names(choice: &Choice) -> Vec<String> {
        let symbols = choice.order.symbols(&view());
        symbols.iter().map(|symbol| symbol.name().to_owned()).collect()
    }

    #[test]
    fn rows_are_ordered_and_those_without_a_value_are_last_either_way() {
        let mut choice = Choice::default();
        assert_eq!(names(&choice), ["BTCUSDT", "ETHUSDT", "BTC/USD"]);
        press(&mut choice, "r");
        assert_eq!(names(&choice), ["BTC/USD", "ETHUSDT", "BTCUSDT"]);
        press(&mut choice, "rs");
        assert_eq!(choice.order.sort, Sort::Change);
        assert_eq!(names(&choice), ["BTCUSDT", "BTC/USD", "ETHUSDT"]);
        press(&mut choice, "r");
        assert_eq!(names(&choice), ["BTC/USD", "BTCUSDT", "ETHUSDT"]);
        press(&mut choice, "rss");
        assert_eq!(choice.order.sort, Sort::Volume);
        assert_eq!(names(&choice), ["ETHUSDT", "BTCUSDT", "BTC/USD"]);
        press(&mut choice, "s");
        assert_eq!(choice.order, Order::default());
    }

    #[test]
    fn a_filter_is_typed_and_its_letters_are_no_keys() {
        let mut choice = Choice::default();
        assert!(!press(&mut choice, "/qsR\x08\x08\x08bTcu"));
        assert_eq!(
            (choice.order.filter.as_str(), choice.order.sort),
            ("bTcu", Sort::Symbol)
        );
        assert_eq!(names(&choice), ["BTCUSDT"]);
        press(&mut choice, "\n");
        assert!(!choice.is_typing && press(&mut choice, "q"));
        press(&mut choice, "\x1b");
        assert_eq!(names(&choice).len(), 3);
        assert!(!press(&mut choice, "/kraken\x1b"));
        assert!(choice.order.filter.is_empty() && !choice.is_typing);
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        // Another is typed anew.
        press(&mut choice, "/kraken\n/");
        assert!(choice.is_typing && choice.order.filter.is_empty());
        assert!(choice.press(&interrupt));
        press(&mut choice, &"x".repeat(1_000));
        assert_eq!(choice.order.filter.len(), FILTER_MOST);
    }

    #[test]
    fn rows_are_moved_no_further_than_they_go() {
        let mut choice = Choice::default();
        assert_eq!(choice.window(100, 20), 0..20);
        for (keys, want) in [
            ("↓↓", 2..22),
            ("↑↑↑", 0..20),
            ("⇟⇟j", 41..61),
            ("k⇞", 20..40),
            ("⇥", 80..100),
            ("↓", 80..100),
            ("↑", 79..99),
            ("⇤", 0..20),
        ] {
            assert!(!press(&mut choice, keys));
            assert_eq!(choice.window(100, 20), want, "{keys}");
        }
        press(&mut choice, "⇥");
        assert_eq!(choice.window(5, 20), 0..5);
        assert_eq!(choice.window(0, 20), 0..0);
        assert_eq!(choice.window(5, 0), 0..0);
    }
}

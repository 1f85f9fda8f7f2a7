//! A table of names and figures in whatever width there is: columns are as wide as what stands in them, those worth least
//! are left out, and no figure is ever cut.

use ratatui::layout::Constraint;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Row, Table};

use super::board::Board;
use crate::cli::terminal::{Base, cells, heading, shortened, sparkline};

/// A name gives way to the first figure, down to so much.
const NAME_LEAST: u16 = 4;

/// Bars are drawn in no less, and in no more: as many as samples are kept.
const BARS_LEAST: u16 = 4;
const BARS_MOST: u16 = 180;

/// One column; the first holds names, and bars stand behind the last.
pub(super) struct Column {
    pub(super) head: String,
    /// Narrower it never is, so that it stays where it is while figures grow.
    pub(super) least: u16,
    /// The least is there first.
    pub(super) rank: u8,
    pub(super) is_words: bool,
}

/// One line of it.
pub(super) struct Figures {
    /// As many as columns.
    pub(super) cells: Vec<(String, Style)>,
    /// Of which statistic there are bars.
    pub(super) bars: String,
}

pub(super) struct Grid {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Figures>,
}

impl Grid {
    /// Columns of figures behind one of names.
    pub(super) fn new(name: (&str, u16), figures: &[(&str, u16, u8)]) -> Grid {
        let column = |head: &str, least, rank, is_words| Column {
            head: head.to_owned(),
            least,
            rank,
            is_words,
        };
        let figures = figures
            .iter()
            .map(|(head, least, rank)| column(head, *least, *rank, false));
        Grid {
            columns: std::iter::once(column(name.0, name.1, 0, true))
                .chain(figures)
                .collect(),
            rows: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, name: &str, figures: impl IntoIterator<Item = String>, bars: &str) {
        let cells = std::iter::once(name.to_owned()).chain(figures);
        self.rows.push(Figures {
            cells: cells.map(|text| (text, Style::new())).collect(),
            bars: bars.to_owned(),
        });
    }

    /// In less it cannot show the figures worth most.
    pub(super) fn width_least(&self) -> u16 {
        let first = self.by_rank().get(1).map_or(0, |at| self.need(*at) + 1);
        self.need(0) + first
    }

    fn need(&self, at: usize) -> u16 {
        let column = &self.columns[at];
        let texts = self.rows.iter().map(|row| cells(&row.cells[at].0));
        texts.max().unwrap_or(0).max(column.least).max(cells(&column.head))
    }

    fn by_rank(&self) -> Vec<usize> {
        let mut by_rank: Vec<usize> = (0..self.columns.len()).collect();
        by_rank.sort_by_key(|at| self.columns[*at].rank);
        by_rank
    }

    /// Which columns there are, how wide, and what is left behind them.
    fn layout(&self, width: u16) -> (Vec<(usize, u16)>, u16) {
        let name = match width.saturating_sub(self.width_least() - self.need(0)) {
            room @ NAME_LEAST.. => self.need(0).min(room),
            _ => self.need(0).min(width),
        };
        let (mut taken, mut left) = (vec![(0, name)], width - name);
        for at in self.by_rank().into_iter().skip(1) {
            let need = self.need(at);
            if need < left {
                taken.push((at, need));
                left -= need + 1;
            }
        }
        taken.sort_unstable();
        (taken, left)
    }

    pub(super) fn table(self, board: &Board, width: u16) -> Table<'static> {
        let (taken, left) = self.layout(width);
        let bars = match left.saturating_sub(1) {
            ..BARS_LEAST => 0,
            room => room.min(BARS_MOST),
        };
        // A column of no width would still have a gap before it.
        let has_bars = bars > 0;
        let cell = |text: &str, at: usize, wide: u16| match (at, self.columns[at].is_words) {
            (0, _) => Line::from(shortened(text, usize::from(wide))),
            (_, true) => Line::from(text.to_owned()),
            (_, false) => Line::from(text.to_owned()).right_aligned(),
        };
        let rows = self.rows.iter().map(|row| {
            let cells = taken.iter().map(|(at, wide)| {
                let (text, style) = &row.cells[*at];
                cell(text, *at, *wide).style(*style)
            });
            let line = sparkline(board.history(&row.bars), usize::from(bars), Base::Nought);
            let line = Line::from(Span::styled(line, Style::new().fg(Color::Cyan)));
            Row::new(cells.chain(has_bars.then_some(line)).collect::<Vec<_>>())
        });
        let heads = taken.iter().map(|(at, wide)| cell(&self.columns[*at].head, *at, *wide));
        let widths = taken
            .iter()
            .map(|(_, wide)| *wide)
            .chain(has_bars.then_some(bars))
            .map(Constraint::Length);
        Table::new(rows.collect::<Vec<_>>(), widths.collect::<Vec<_>>()).header(Row::new(heads).style(heading()))
    }
}

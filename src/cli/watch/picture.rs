//! One picture of the view, as texts.

use super::columns::Column;
use super::past::Flash;

/// One picture; knows no view any more, so drawing it holds nobody up.
pub(super) struct Picture {
    pub(super) head: Head,
    pub(super) columns: Vec<(Column, u16)>,
    pub(super) rows: Vec<ShownRow>,
    /// Why there are no rows.
    pub(super) nothing: String,
    pub(super) foot: String,
    pub(super) has_help: bool,
}

/// What stands above the table.
pub(super) struct Head {
    /// The connection in a sentence, and whether it is there.
    pub(super) link: (String, bool),
    /// To be put on as few lines as they need.
    pub(super) figures: Vec<String>,
    /// With whether they are up.
    pub(super) venues: Vec<(String, bool)>,
}

/// A row of the table.
pub(super) struct ShownRow {
    /// One for each of the picture's columns.
    pub(super) cells: Vec<(String, Option<Flash>)>,
    pub(super) is_live: bool,
}

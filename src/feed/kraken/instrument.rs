//! What a connection has shown of one instrument.

use super::super::parse::Contiguous;
use super::book::Book;
use super::pairs::Stated;
use super::standing::Standing;

/// What the parser keeps of an instrument.
#[derive(Debug, Default)]
pub(super) struct Own {
    pub(super) book: Book,
    pub(super) standing: Standing,
    /// `trade_id`, contiguous per instrument.
    pub(super) trades: Contiguous,
    /// What the reference data said, once they did.
    pub(super) stated: Option<Stated>,
    /// Data or an answer of it came.
    pub(super) has_begun: bool,
    /// A book is there or to come: then the ticker gives no bid and ask.
    pub(super) has_book: bool,
    /// A trade came: then the ticker gives no last price.
    pub(super) has_trades: bool,
}

pub(super) type Instrument = super::super::parse::Instrument<Own>;

//! How much of Kraken is kept and asked for at once, with the arithmetic.

/// The venue's own depths. A book is subscribed in one of them and cut to it after every update.
pub(super) const DEPTHS: [usize; 5] = [10, 25, 100, 500, 1000];

/// The checksum covers the best ten of each side, whatever the depth.
pub(super) const CHECKED_LEVELS: usize = 10;

/// What is asked for: all that the checksum covers, so that no level is kept unchecked; two sides of ten levels of 72 B
/// are 1.4 KB an instrument.
pub(super) const DEPTH: usize = DEPTHS[0];

/// The deepest book there is; an acknowledgement of a deeper one is refused.
pub(super) const DEPTH_MAX: usize = DEPTHS[4];

/// Levels of a side while a message is taken, which may add before it deletes. Without it a frame of 32 MB that brings the
/// worst levels first would be sorted for minutes; so it is done in seconds.
pub(super) const LEVELS_MAX: usize = 2 * DEPTH_MAX;

/// Instruments in a recording: a third more than the venue lists. Books of the greatest depth would take
/// 2,000 x 2 sides x 1,000 levels x 72 B = 290 MB, those of depth ten 3 MB.
pub(super) const INSTRUMENTS_MAX: usize = 2_000;

/// Pairs of which a recording's precision is remembered until data of them come: ten times what the venue lists, some
/// 100 B each, so 1.5 MB.
pub(super) const PAIRS_MAX: usize = 15_000;

/// Instruments on one connection. Its beginning is 200 x (1 KB book + 50 trades of 150 B + 0.3 KB ticker) = 1.8 MB and
/// half a megabyte of reference data; all 1,500 pairs take eight connections, which the venue allows at once, and one
/// that breaks makes an eighth of them stale.
pub(super) const NAMES_PER_CONNECTION: usize = 200;

/// Symbols in one request. The venue counts messages and not symbols, and answers each symbol; a hundred are 1.2 KB.
pub(super) const NAMES_PER_REQUEST: usize = 100;

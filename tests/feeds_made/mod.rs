//! The recordings of `feeds/`: one made-up market, told in each venue's words. All follows from [`SEED`].

mod binance;
mod binance_usdm;
mod coinbase;
mod coinbase_exchange;
mod kraken;
mod ladder;
mod market;
mod text;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use market::{Market, Row, START_NS, Told};
use tickwire::feed::parse::FrameParser;
use tickwire::market::VenueName;

pub(crate) const SEED: u64 = 20_260_102;
/// What is traded; each venue puts the money's name behind it in its own way.
pub(crate) const ASSETS: [&str; 5] = ["ALF", "BRV", "CHL", "DLT", "ECH"];

/// What the venue says first was sent so long before it came: longer than any update takes.
const OPENING_NS: u64 = 10_000_000;

/// From one frame of an update to the next.
const FRAME_NS: u64 = 20_000;

/// A venue's way of telling what happens.
trait Teller {
    /// What the venue says before any data.
    fn opening(&mut self, _ns: u64) -> Vec<String> {
        Vec::new()
    }

    /// The frames of one update.
    fn frames(&mut self, told: &Told<'_>) -> Vec<String>;
}

/// One file of `feeds/`.
pub(crate) struct Recording {
    file: &'static str,
    pub(crate) venue: &'static str,
    frames: usize,
    teller: fn() -> Box<dyn Teller>,
    /// The venue's name of an asset.
    pub(crate) name: fn(&str) -> String,
    pub(crate) parser: fn(VenueName) -> Box<dyn FrameParser>,
    /// Words of the frames that may give nothing: answers, beats, and changes below the best level.
    pub(crate) passed_over: &'static [&'static str],
}

pub(crate) const RECORDINGS: [Recording; 5] = [
    binance::RECORDING,
    binance_usdm::RECORDING,
    coinbase::RECORDING,
    coinbase_exchange::RECORDING,
    kraken::RECORDING,
];

/// A recording's text, and what the market was in the end.
pub(crate) struct Made {
    pub(crate) text: String,
    pub(crate) rows: Vec<Row>,
}

impl Recording {
    pub(crate) fn path(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("feeds").join(self.file)
    }

    pub(crate) fn make(&self) -> Made {
        let mut teller = (self.teller)();
        let mut market = Market::new();
        let mut text = format!("#tickwire-capture 1 venue={}\n", self.venue);
        let (mut frames, mut count) = (teller.opening(START_NS - OPENING_NS), 0);
        loop {
            for frame in frames {
                writeln!(text, "{} {frame}", market.ns).expect("memory");
                market.ns += FRAME_NS;
                count += 1;
            }
            if count >= self.frames {
                break;
            }
            frames = teller.frames(&market.next());
        }
        Made {
            text,
            rows: market.rows,
        }
    }
}

//! What is to be played, and under which name.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::beats::beat_before;
use super::merge;
use super::source::Label;
use crate::control::Fault;
use crate::feed::SpecError;
use crate::market::{Ts, VenueName};
use crate::store::Epoch;
use crate::tape::{OnDamage, TapeError};

/// Recordings and how they are played, checked.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) labels: Vec<Label>,
    /// A beat of the tape's clock.
    pub(super) from: Option<Ts>,
    pub(super) to: Option<Ts>,
    pub(super) is_loop: bool,
    pub(super) faults: Vec<Fault>,
    pub(super) fault_seed: u64,
    /// A feed beside others: the service tells its end, and no epoch is its own.
    pub(super) is_plain: bool,
}

impl Plan {
    /// Looks into the files. Blocks on the file system.
    ///
    /// # Errors
    /// A file cannot be played, or not with another.
    pub(super) fn labels(
        files: &[PathBuf],
        rename: Option<&VenueName>,
        salvage: bool,
    ) -> Result<Vec<Label>, SpecError> {
        let on_damage = if salvage { OnDamage::Salvage } else { OnDamage::Stop };
        let read = |file: &PathBuf| Label::read(file, rename.cloned(), on_damage);
        merge::arranged(files.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Each venue once, in the order of the recordings.
    pub(super) fn venues(&self) -> Vec<VenueName> {
        let mut venues: Vec<VenueName> = Vec::new();
        for venue in self.labels.iter().flat_map(|label| &label.venues) {
            if !venues.contains(venue) {
                venues.push(venue.clone());
            }
        }
        venues
    }

    /// The first time of all.
    pub(super) fn first(&self) -> Ts {
        let recorded = self.labels.iter().filter(|label| !label.is_empty());
        recorded.map(|label| label.first).min().unwrap_or_default()
    }

    /// The last time that is played.
    pub(super) fn last(&self) -> Ts {
        let last = self.labels.iter().map(|label| label.last).max().unwrap_or_default();
        self.to.map_or(last, |to| to.min(last))
    }

    /// The timeline's time before its first beat.
    pub(super) fn start(&self) -> Ts {
        // A time that is a beat's end belongs to that beat.
        self.from
            .unwrap_or_else(|| beat_before(Ts(self.first().0.saturating_sub(1))))
    }

    /// Whether the end is told as a last beat.
    pub(super) fn tells_end(&self) -> bool {
        !self.is_loop && !self.is_plain
    }

    /// The epoch that follows from what the files hold and how they are played. Reads them through.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn epoch(&self) -> Result<Epoch, TapeError> {
        let mut hash = Sha256::new();
        for file in self.labels.iter().flat_map(Label::files) {
            hash.update(sha256(file)?);
        }
        for (name, ts) in [("from", self.from), ("to", self.to)] {
            if let Some(ts) = ts {
                hash.update(format!("{name}={}", ts.0));
            }
        }
        for fault in self.faults.iter().filter(|fault| fault.is_of_stream()) {
            hash.update(format!("{fault} seed={}", self.fault_seed));
        }
        Ok(shortened(hash))
    }
}

/// The epoch after another one: the same where the same was done.
pub(super) fn epoch_after(epoch: Epoch, renews: u64, at: Ts, position: Ts) -> Epoch {
    let mut hash = Sha256::new();
    hash.update(format!("{epoch} {renews} {} {}", at.0, position.0));
    shortened(hash)
}

fn shortened(hash: Sha256) -> Epoch {
    let hash = hash.finalize();
    let number = hash
        .iter()
        .take(8)
        .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    Epoch::new((number >> 11).max(1)).expect("53 bits and not 0")
}

fn sha256(file: &Path) -> Result<[u8; 32], TapeError> {
    let open = |source| TapeError::Open {
        file: file.to_owned(),
        source,
    };
    let mut hash = Sha256::new();
    io::copy(&mut File::open(file).map_err(open)?, &mut hash).map_err(open)?;
    Ok(hash.finalize().into())
}

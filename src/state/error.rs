//! Why no state can be kept.

use std::io;
use std::path::PathBuf;

/// Why a folder cannot be used. Each names it.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Something else has its name.
    #[error("state folder `{}` is no folder: one that this user may write to is needed, or a name that is free", dir.display())]
    NoFolder {
        /// The folder asked for.
        dir: PathBuf,
    },
    /// Another process keeps its state there.
    #[error("state folder `{}` is in use: another server keeps its state there, and each needs a folder of its own", dir.display())]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// The system fails.
    #[error("state folder `{}`: cannot {what}: {source}; a folder that this user may read and write, on a disk with room, is needed", dir.display())]
    System {
        /// The folder.
        dir: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl StateError {
    /// Whether the user has to write something else; else the machine failed.
    pub fn is_usage(&self) -> bool {
        matches!(self, StateError::NoFolder { .. })
    }
}

//! Files of records of any kind, as `convert` and `inspect` read them.

mod kind;
mod progress;
mod source;

pub(super) use kind::{FileKind, UnknownKind};
pub(super) use progress::Progress;
pub(super) use source::{Source, SourceError};

//! The store over restarts: a checkpoint in a folder, from which the next process goes on.
//!
//! # Who takes it
//! The [`Keeper`] is one more reader of the engine's ticks, with a [`Table`](crate::store::Table) of its own. So a
//! checkpoint costs the engine nothing but a tick more to hand over, and holds exactly what was published, each
//! instrument with the beat of its last change. An image taken by the engine's own thread would be a copy of every
//! instrument between two beats: at 100,000 instruments 3 ms of its 10 (`benches/state.rs`).
//!
//! # What a restart may promise
//! Within an epoch a seq is never used twice, and nobody is told "resumed" where something is missing. So:
//! - A **clean stop** ends with a checkpoint that says so, taken when the last tick was published: no subscriber has seen
//!   a later seq. The next process goes on in the same epoch with the next seq, ids are what they were, and a resume
//!   from any seq before is honoured: who comes from before an instrument's last change gets it anew, with all fields.
//! - Before it serves, that process replaces the checkpoint by one that no longer says so. Otherwise, were it killed
//!   before its first checkpoint, a third one would go on from the same seq a second time.
//! - After a **crash** subscribers may have seen seqs that the checkpoint does not know. A new epoch begins with the
//!   values of the checkpoint, so every resume is answered whole. A jump of the seq would do as well, but nobody could
//!   say how far it must be.
//!
//! The first beat of the new process, which is in the table before anyone connects, makes each instrument STALE with
//! cause RESTART, until its feed has an update of it, and each venue DOWN, until its feed says more. The server's own
//! instruments are taken away in it: what they told is over. In a new epoch they, and tombstones, are left out.
//!
//! A checkpoint must not be brought back from a backup: a clean one would begin its seqs again. A damaged or foreign
//! file is set aside with its reason in its name, and serving begins with nothing.
//!
//! # The file, to the byte
//! `store.state`, written as `store.state.new`, synced, renamed, and the folder synced. Integers are little-endian, CRC32C
//! is that of RFC 3720.
//!
//! | the first 64 bytes | |
//! |---|---|
//! | 0..8 | `ff 73 74 61 74 0d 0a 1a` |
//! | 8..12 | version, 1 |
//! | 12..16 | 1 after a clean stop, else 0 |
//! | 16..24 | epoch |
//! | 24..32 | seq of the newest beat |
//! | 32..40 | when it was taken, nanoseconds since 1970, signed |
//! | 40..48 | bytes behind these 64 |
//! | 48..52 | instruments |
//! | 52..56 | venues |
//! | 56..60 | CRC32C of what is behind these 64 |
//! | 60..64 | CRC32C of 0..60 |
//!
//! Behind them: 8 bytes an instrument and then a venue, the seq of its last change; then parts up to the end, each 4 bytes
//! with its length and a message `Keyframe` of `proto/tape.proto`, as in tapes, of at most 4,096 instruments in the order
//! of their ids.
//!
//! `lock` in the same folder is locked (flock) by the process that keeps its state there, until it has ended in whatever way.

mod checkpoint;
mod error;
mod folder;
mod journal;
mod keeper;
#[cfg(test)]
mod tests;
mod timeline;

pub use checkpoint::{Checkpoint, Fault};
pub use error::StateError;
pub use folder::Folder;
pub use keeper::{KEEPER_TICKS_MAX, Keeper};
pub use timeline::Timeline;

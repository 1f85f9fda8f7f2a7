//! What is so of checkpoints, without a disk and with one.

mod bytes;
mod disk;
mod law;
mod world;

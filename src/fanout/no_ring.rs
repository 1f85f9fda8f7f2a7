//! Where there is no io_uring.

use std::convert::Infallible;
use std::io;
use std::os::fd::RawFd;

use super::letter::Send;

/// There is none.
pub(super) struct Ring(Infallible);

impl Ring {
    /// Says so.
    pub(super) fn new() -> io::Result<Ring> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn keep(&mut self, _: u32, _: RawFd) {
        match self.0 {}
    }

    pub(super) fn let_go(&mut self, _: u32) {
        match self.0 {}
    }

    pub(super) fn send(&mut self, _: &[u8], _: &[Send], _: &mut Vec<io::Result<usize>>) {
        match self.0 {}
    }
}

//! Many sends with one system call: io_uring, where the system has it. The only unsafe code of the project.
#![allow(unsafe_code)]

use std::io;
use std::ops::Range;
use std::os::fd::RawFd;

use io_uring::{IoUring, Probe, opcode, types};
use rustix::net::SendFlags;

/// Entries of the queue: what is sent with one call.
const ENTRIES: usize = 256;

/// A send that neither waits nor raises a signal.
const FLAGS: i32 = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL).bits() as i32;

/// A queue of sends. The thread that makes it is the one that uses it.
pub(super) struct Ring(IoUring);

impl Ring {
    /// Makes one.
    ///
    /// # Errors
    /// Where the system has none, or forbids it, as containers often do.
    pub(super) fn new() -> io::Result<Ring> {
        let lean = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .build(ENTRIES as u32);
        // Before Linux 6.1 without these.
        let ring = lean.or_else(|_| IoUring::new(ENTRIES as u32))?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        if !probe.is_supported(opcode::Send::CODE) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let mut ring = Ring(ring);
        ring.try_out()?;
        Ok(ring)
    }

    /// Does nothing once: a system may give a queue and forbid its use.
    fn try_out(&mut self) -> io::Result<()> {
        // SAFETY: it refers to no memory.
        let pushed = unsafe { self.0.submission().push(&opcode::Nop::new().build()) };
        pushed.map_err(io::Error::other)?;
        self.0.submit_and_wait(1)?;
        match self.0.completion().next() {
            Some(done) if done.result() >= 0 => Ok(()),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Sends each range of `bytes` on its socket, as a `send` that does not wait; `taken` is what each came to.
    pub(super) fn send(&mut self, bytes: &[u8], sends: &[(RawFd, Range<usize>)], taken: &mut Vec<io::Result<usize>>) {
        taken.clear();
        for batch in sends.chunks(ENTRIES) {
            let first = taken.len();
            for (at, (socket, range)) in batch.iter().enumerate() {
                let frame = &bytes[range.clone()];
                let send = opcode::Send::new(types::Fd(*socket), frame.as_ptr(), frame.len() as u32);
                let entry = send.flags(FLAGS).build().user_data(at as u64);
                // SAFETY: `bytes` is borrowed until `finish` has seen the end of every entry.
                let pushed = unsafe { self.0.submission().push(&entry) };
                debug_assert!(pushed.is_ok(), "the queue was empty and has room for a batch");
                taken.push(Err(io::ErrorKind::WouldBlock.into()));
            }
            self.finish(&mut taken[first..]);
        }
    }

    /// Has the kernel do what is queued, and waits for the end of all: none of them waits for a socket.
    fn finish(&mut self, taken: &mut [io::Result<usize>]) {
        let mut left = taken.len();
        while left > 0 {
            if let Err(error) = self.0.submit_and_wait(left)
                && !matches!(
                    error.kind(),
                    io::ErrorKind::Interrupted | io::ErrorKind::ResourceBusy | io::ErrorKind::WouldBlock
                )
            {
                // The kernel may still read what is borrowed, so there is no way on.
                tracing::error!(%error, "io_uring failed");
                std::process::abort();
            }
            for completion in self.0.completion() {
                let result = match usize::try_from(completion.result()) {
                    Ok(count) => Ok(count),
                    Err(_) => Err(io::Error::from_raw_os_error(-completion.result())),
                };
                if let Some(place) = taken.get_mut(completion.user_data() as usize) {
                    *place = result;
                }
                left -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn each_socket_gets_its_own_range_as_far_as_it_takes_it() {
        let Ok(mut ring) = Ring::new() else {
            eprintln!("skipped: no io_uring here");
            return;
        };
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let addr = listener.local_addr().expect("an address");
        let pairs: Vec<_> = (0..600)
            .map(|_| {
                let far = TcpStream::connect(addr).expect("a connection");
                let (near, _) = listener.accept().expect("a connection");
                near.set_nonblocking(true).expect("an option");
                (near, far)
            })
            .collect();
        let bytes: Vec<u8> = (0..60_000u32).map(|n| n as u8).collect();
        let sends: Vec<_> = (pairs.iter().enumerate())
            .map(|(n, (near, _))| (near.as_raw_fd(), n * 97..n * 97 + 1 + n % 90))
            .collect();
        let mut taken = Vec::new();
        ring.send(&bytes, &sends, &mut taken);
        for (((_, range), (_, far)), taken) in sends.iter().zip(&pairs).zip(&taken) {
            assert_eq!(taken.as_ref().ok(), Some(&range.len()));
            let mut got = vec![0; range.len()];
            (&*far).read_exact(&mut got).expect("sent");
            assert_eq!(got, bytes[range.clone()]);
        }

        // One that reads nothing is full in the end, one that has gone is told, and the next one is none the worse.
        let (full, gone, good) = (&pairs[0].0, &pairs[1].0, &pairs[2]);
        pairs[1].1.shutdown(std::net::Shutdown::Both).expect("an end");
        gone.shutdown(std::net::Shutdown::Both).expect("an end");
        let mut kinds = (None, None);
        for _ in 0..1_000 {
            let sends = [full, gone, &good.0].map(|socket| (socket.as_raw_fd(), 0..50_000));
            ring.send(&bytes, &sends, &mut taken);
            kinds.0 = taken[0].as_ref().err().map(io::Error::kind);
            kinds.1 = taken[1].as_ref().err().map(io::Error::kind);
            let mut got = vec![0; *taken[2].as_ref().expect("read all the time")];
            (&good.1).read_exact(&mut got).expect("sent");
            assert!(!got.is_empty() && bytes.starts_with(&got));
            if kinds.0.is_some() {
                break;
            }
        }
        assert_eq!(kinds, (Some(ErrorKind::WouldBlock), Some(ErrorKind::BrokenPipe)));
    }
}

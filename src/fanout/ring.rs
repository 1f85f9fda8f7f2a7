//! Many sends with one system call: io_uring, where the system has it. The only unsafe code of the project.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::RawFd;

use io_uring::{IoUring, Probe, opcode, types};
use rustix::net::SendFlags;

use super::letter::Send;

/// Entries of the queue: what is sent with one call.
const ENTRIES: usize = 256;

/// A send that neither waits nor raises a signal.
const FLAGS: i32 = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL).bits() as i32;

/// Sockets that the kernel keeps at hand, so that it need not look each up at each send: 16,384 are 128 KiB of its
/// memory a shard. Others are looked up.
const SOCKETS_MAX: u32 = 16_384;

/// A queue of sends. The thread that makes it is the one that uses it.
pub(super) struct Ring {
    ring: IoUring,
    /// Which places of the kernel's table are taken; shorter where the kernel gives none.
    kept: Vec<bool>,
}

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
        let mut ring = Ring { ring, kept: Vec::new() };
        ring.try_out()?;
        // Refused where fewer descriptors are allowed, and before Linux 5.19.
        if ring.ring.submitter().register_files_sparse(SOCKETS_MAX).is_ok() {
            ring.kept = vec![false; SOCKETS_MAX as usize];
        }
        Ok(ring)
    }

    /// Keeps a socket at hand under this number until it is let go: it stays open until then.
    pub(super) fn keep(&mut self, number: u32, socket: RawFd) {
        if let Some(is_kept) = self.kept.get_mut(number as usize) {
            *is_kept = matches!(self.ring.submitter().register_files_update(number, &[socket]), Ok(1));
        }
    }

    /// Lets go of it.
    pub(super) fn let_go(&mut self, number: u32) {
        if let Some(is_kept) = self.kept.get_mut(number as usize)
            && std::mem::take(is_kept)
            && let Err(error) = self.ring.submitter().register_files_update(number, &[-1])
        {
            tracing::error!(%error, "io_uring keeps a socket open");
        }
    }

    /// Does nothing once: a system may give a queue and forbid its use.
    fn try_out(&mut self) -> io::Result<()> {
        // SAFETY: it refers to no memory.
        let pushed = unsafe { self.ring.submission().push(&opcode::Nop::new().build()) };
        pushed.map_err(io::Error::other)?;
        self.ring.submit_and_wait(1)?;
        match self.ring.completion().next() {
            Some(done) if done.result() >= 0 => Ok(()),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Sends each range of `bytes` on its socket, as a `send` that does not wait; `taken` is what each came to.
    pub(super) fn send(&mut self, bytes: &[u8], sends: &[Send], taken: &mut Vec<io::Result<usize>>) {
        taken.clear();
        for batch in sends.chunks(ENTRIES) {
            let first = taken.len();
            for (at, send) in batch.iter().enumerate() {
                let frame = &bytes[send.frame.clone()];
                let (from, len) = (frame.as_ptr(), frame.len() as u32);
                let entry = match self.kept.get(send.number as usize) {
                    Some(true) => opcode::Send::new(types::Fixed(send.number), from, len),
                    _ => opcode::Send::new(types::Fd(send.socket), from, len),
                };
                let entry = entry.flags(FLAGS).build().user_data(at as u64);
                // SAFETY: `bytes` is borrowed until `finish` has seen the end of every entry.
                let pushed = unsafe { self.ring.submission().push(&entry) };
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
            if let Err(error) = self.ring.submit_and_wait(left)
                && !matches!(
                    error.kind(),
                    io::ErrorKind::Interrupted | io::ErrorKind::ResourceBusy | io::ErrorKind::WouldBlock
                )
            {
                // The kernel may still read what is borrowed, so there is no way on.
                tracing::error!(%error, "io_uring failed");
                std::process::abort();
            }
            for completion in self.ring.completion() {
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
    fn a_socket_that_was_let_go_is_closed_with_its_descriptor() {
        let Ok(mut ring) = Ring::new() else {
            eprintln!("skipped: no io_uring here");
            return;
        };
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let mut far = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        let (near, _) = listener.accept().expect("a connection");
        far.set_read_timeout(Some(std::time::Duration::from_secs(5)))
            .expect("an option");
        ring.keep(7, near.as_raw_fd());
        let sends = [Send {
            number: 7,
            socket: near.as_raw_fd(),
            frame: 0..3,
        }];
        ring.send(b"end", &sends, &mut Vec::new());
        ring.let_go(7);
        drop(near);
        let mut got = Vec::new();
        far.read_to_end(&mut got).expect("an end within five seconds");
        assert_eq!(got, b"end");
    }

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
        let send = |number: usize, frame| Send {
            number: number as u32,
            socket: pairs[number].0.as_raw_fd(),
            frame,
        };
        let sends: Vec<_> = (0..pairs.len()).map(|n| send(n, n * 97..n * 97 + 1 + n % 90)).collect();
        let mut taken = Vec::new();
        // Without the kernel's table, with a part of them in it, and without once more.
        for is_kept in [false, true, false] {
            for n in (0..pairs.len()).step_by(2) {
                match is_kept {
                    true => ring.keep(n as u32, sends[n].socket),
                    false => ring.let_go(n as u32),
                }
            }
            ring.send(&bytes, &sends, &mut taken);
            for ((sent, (_, far)), taken) in sends.iter().zip(&pairs).zip(&taken) {
                assert_eq!(taken.as_ref().ok(), Some(&sent.frame.len()));
                let mut got = vec![0; sent.frame.len()];
                (&*far).read_exact(&mut got).expect("sent");
                assert_eq!(got, bytes[sent.frame.clone()]);
            }
        }

        // One that reads nothing is full in the end, one that has gone is told, and the next one is none the worse.
        let (gone, good) = (&pairs[1].0, &pairs[2]);
        pairs[1].1.shutdown(std::net::Shutdown::Both).expect("an end");
        gone.shutdown(std::net::Shutdown::Both).expect("an end");
        let mut kinds = (None, None);
        for _ in 0..1_000 {
            let sends = [0, 1, 2].map(|n| send(n, 0..50_000));
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

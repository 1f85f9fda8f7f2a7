//! Where lines come from: standard input, a file or FIFO, or a TCP connection.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::super::{FeedError, Lost, SpecError};
use crate::market::Ts;

/// Read at once: some 400 usual lines.
const CHUNK_BYTES: usize = 64 << 10;

/// Chunks of a file read ahead: with the two at work 384 KiB.
const CHUNKS_AHEAD: usize = 4;

/// As for a venue: three lost packets in a row take seven seconds.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// A peer that is gone without a word is noticed after 20 s of silence and three probes.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(20);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);
#[cfg(target_os = "linux")]
const KEEPALIVE_PROBES: u32 = 3;

/// What to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Stdin,
    File(PathBuf),
    Tcp { host: String, port: u16 },
}

impl Input {
    /// Reads `-`, `tcp://HOST:PORT` or a path.
    ///
    /// # Errors
    /// It is no address, or no file is there; a FIFO may still wait for its writer.
    pub(super) fn parse(target: &str) -> Result<Input, SpecError> {
        if target == "-" {
            return Ok(Input::Stdin);
        }
        if let Some(addr) = target.strip_prefix("tcp://") {
            return tcp(addr).ok_or_else(|| SpecError::Value {
                key: "target".into(),
                value: target.into(),
                allowed: "`tcp://HOST:PORT`".into(),
            });
        }
        let file = PathBuf::from(target);
        let is_directory = std::fs::metadata(&file).map(|about| about.is_dir());
        let checked = is_directory.and_then(|is_directory| match is_directory {
            true => Err(io::Error::new(ErrorKind::IsADirectory, "it is a directory")),
            false => Ok(()),
        });
        match checked {
            Ok(()) => Ok(Input::File(file)),
            Err(source) => Err(SpecError::Input { file, source }),
        }
    }

    /// Begins to read; a connection is made within its deadline.
    pub(super) async fn open(&self) -> Result<Source, FeedError> {
        let Input::Tcp { host, port } = self else {
            return Ok(Source::Ahead {
                chunks: read_ahead(self.clone()),
                name: self.to_string(),
            });
        };
        let connected = tokio::time::timeout(CONNECT_DEADLINE, TcpStream::connect((host.as_str(), *port))).await;
        let named = |error: io::Error| Lost::Connect(io::Error::new(error.kind(), format!("{self}: {error}")));
        let stream = connected
            .map_err(|_| Lost::ConnectDeadline(CONNECT_DEADLINE))?
            .map_err(named)?;
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE_AFTER)
            .with_interval(KEEPALIVE_EVERY);
        #[cfg(target_os = "linux")]
        let keepalive = keepalive.with_retries(KEEPALIVE_PROBES);
        SockRef::from(&stream).set_tcp_keepalive(&keepalive).map_err(named)?;
        let buffer = Vec::new();
        Ok(Source::Tcp { stream, buffer })
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Stdin => f.write_str("-"),
            Input::File(path) => path.display().fmt(f),
            Input::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Input::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

fn tcp(addr: &str) -> Option<Input> {
    let (host, port) = addr.rsplit_once(':')?;
    // `parse` alone would take a sign.
    let is_plain = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| is_plain && *port > 0)?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        // The address of IPv6 needs its brackets.
        None if host.contains(':') => return None,
        None => host,
    };
    let host = host.to_owned();
    (!host.is_empty()).then_some(Input::Tcp { host, port })
}

/// Bytes and when they came.
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    pub(super) ts_recv: Ts,
}

/// An input being read.
pub(super) enum Source {
    Ahead {
        chunks: mpsc::Receiver<io::Result<Chunk>>,
        name: String,
    },
    Tcp {
        stream: TcpStream,
        buffer: Vec<u8>,
    },
}

impl Source {
    /// The next bytes; `None` at the end, which a connection does not have.
    ///
    /// # Errors
    /// The file cannot be read on, or the connection is lost.
    ///
    /// # Cancel safety
    /// Dropped before it is done, nothing is lost.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>, FeedError> {
        match self {
            Source::Ahead { chunks, name } => chunks.recv().await.transpose().map_err(|source| FeedError::Input {
                name: name.clone(),
                source,
            }),
            Source::Tcp { stream, buffer } => {
                buffer.reserve(CHUNK_BYTES);
                let count = stream.read_buf(buffer).await.map_err(Lost::Cut)?;
                if count == 0 {
                    let closed = io::Error::new(ErrorKind::UnexpectedEof, "closed by the other end");
                    return Err(Lost::Cut(closed).into());
                }
                Ok(Some(Chunk {
                    bytes: std::mem::take(buffer),
                    ts_recv: Ts::now(),
                }))
            }
        }
    }
}

/// Starts reading on a thread of its own: files block, and so does a FIFO until someone writes to it.
///
/// The thread ends with the first chunk that nobody takes.
fn read_ahead(input: Input) -> mpsc::Receiver<io::Result<Chunk>> {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    tokio::task::spawn_blocking(move || {
        let read = match input {
            Input::File(path) => File::open(path).and_then(|file| read_all(file, &sender)),
            _ => read_all(io::stdin().lock(), &sender),
        };
        if let Err(error) = read {
            // The receiver is gone only where nobody wants to know.
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

fn read_all(mut file: impl Read, sender: &mpsc::Sender<io::Result<Chunk>>) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let chunk = Chunk {
            bytes: buffer[..count].to_vec(),
            ts_recv: Ts::now(),
        };
        if sender.blocking_send(Ok(chunk)).is_err() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_standard_input_an_address_or_a_file() {
        let tcp = |host: &str, port| Input::Tcp {
            host: host.into(),
            port,
        };
        for (target, want) in [
            ("-", Input::Stdin),
            ("tcp://localhost:9000", tcp("localhost", 9_000)),
            ("tcp://[::1]:65535", tcp("::1", 65_535)),
            ("/dev/null", Input::File("/dev/null".into())),
        ] {
            let input = Input::parse(target).expect(target);
            assert_eq!(input, want);
            assert_eq!(input.to_string(), target);
        }
        for target in ["tcp://::1:9000", "tcp://[::1", "tcp://[]:1", "tcp://a:+1", "tcp://a:"] {
            assert!(matches!(Input::parse(target), Err(SpecError::Value { .. })), "{target}");
        }
    }
}

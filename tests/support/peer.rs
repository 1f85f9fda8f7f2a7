//! A subscriber made by hand on a blocking socket: it frames, masks and reads byte by byte, or does not.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use tickwire::wire::{DecodeLimits, Encoding, decode_server, encode_client, proto};

use super::LIMIT;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// The largest message of a server that was not told otherwise.
const FRAME_BYTES_MAX: usize = 65_536;

/// Masks need not be unpredictable here, only different.
const MASK_SEED: u64 = 7;

/// A frame as it came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

/// What came next.
#[derive(Debug)]
pub(crate) enum Item {
    Message(Box<proto::ServerMessage>),
    /// A close frame with its code.
    Close(u16),
    /// The connection ended without one: a reset, or an end in order.
    Ended(Option<ErrorKind>),
    /// The deadline has passed and nothing whole came.
    Nothing,
}

/// How a peer connects.
#[derive(Clone, Copy, Default)]
pub(crate) struct Options {
    pub(crate) encoding: Encoding,
    /// Behind the `?` of the URL.
    pub(crate) query: &'static str,
    /// SO_RCVBUF; the kernel's own size where absent.
    pub(crate) receive_buffer: Option<usize>,
}

/// The peer.
pub(crate) struct Peer {
    stream: TcpStream,
    buffer: Vec<u8>,
    encoding: Encoding,
    random: fastrand::Rng,
    /// Whole frames read so far.
    pub(crate) frames: u64,
}

impl Peer {
    /// Connects and shakes hands with the sample key of RFC 6455, 1.3.
    pub(crate) fn connect(addr: SocketAddr, options: Options) -> Peer {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        if let Some(bytes) = options.receive_buffer {
            // Before connecting: the window is agreed on then.
            socket.set_recv_buffer_size(bytes).expect("a buffer");
        }
        socket.connect_timeout(&addr.into(), LIMIT).expect("the server accepts");
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true).expect("an option");
        let mut peer = Peer {
            stream,
            buffer: Vec::new(),
            encoding: options.encoding,
            random: fastrand::Rng::with_seed(MASK_SEED),
            frames: 0,
        };
        let request = format!(
            "GET /v1/stream?{} HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: {}\r\n\r\n",
            options.query,
            options.encoding.subprotocol()
        );
        peer.stream.write_all(request.as_bytes()).expect("the request is taken");
        let until = Instant::now() + LIMIT;
        let head = loop {
            if let Some(end) = peer.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break peer.buffer.drain(..end + 4).collect::<Vec<u8>>();
            }
            // One byte after the other: nothing of the first frame is taken for the head.
            assert!(matches!(peer.read(1, until), Ok(true)), "an answer to the upgrade");
        };
        let head = String::from_utf8_lossy(&head).to_lowercase();
        assert!(head.starts_with("http/1.1 101"), "{head}");
        assert!(head.contains("s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        assert!(head.contains(options.encoding.subprotocol()), "{head}");
        peer
    }

    /// Sends a message in the peer's encoding.
    pub(crate) fn send(&mut self, message: &proto::ClientMessage) {
        let opcode = if self.encoding == Encoding::Json { TEXT } else { BINARY };
        let payload = encode_client(self.encoding, message);
        self.send_frame(opcode, &payload).expect("the message is taken");
    }

    /// Sends one masked frame.
    pub(crate) fn send_frame(&mut self, opcode: u8, payload: &[u8]) -> std::io::Result<()> {
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | short as u8),
            long => {
                frame.push(0x80 | 126);
                let length = u16::try_from(long).expect("no test sends more");
                frame.extend(length.to_be_bytes());
            }
        }
        let mask = self.random.u32(..).to_be_bytes();
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.stream.write_all(&frame)
    }

    /// Sends bytes as they are, such as the beginning of a frame.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the bytes are taken");
    }

    /// Reads at most so many bytes; false where nothing came in time or the server has closed.
    pub(crate) fn read(&mut self, most: usize, until: Instant) -> Result<bool, Option<ErrorKind>> {
        let left = until.saturating_duration_since(Instant::now());
        let left = left.max(Duration::from_millis(1));
        self.stream.set_read_timeout(Some(left)).expect("a timeout");
        let start = self.buffer.len();
        self.buffer.resize(start + most, 0);
        let outcome = self.stream.read(&mut self.buffer[start..]);
        self.buffer.truncate(start + *outcome.as_ref().unwrap_or(&0));
        match outcome {
            Ok(0) => Err(None),
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(false),
            Err(error) => Err(Some(error.kind())),
        }
    }

    /// A whole frame among what was read.
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        let (first, second) = (*self.buffer.first()?, *self.buffer.get(1)?);
        assert_eq!(first & 0xf0, 0x80, "whole messages without reserved bits");
        assert_eq!(second & 0x80, 0, "a server does not mask");
        let (head, length) = match second {
            126 => (
                4,
                self.buffer.get(2..4)?.iter().fold(0, |n, b| n << 8 | usize::from(*b)),
            ),
            127 => (
                10,
                self.buffer.get(2..10)?.iter().fold(0, |n, b| n << 8 | usize::from(*b)),
            ),
            short => (2, usize::from(short)),
        };
        assert!(length <= FRAME_BYTES_MAX, "a message of {length} bytes");
        let payload = self.buffer.get(head..head + length)?.to_vec();
        self.buffer.drain(..head + length);
        self.frames += 1;
        Some(Frame {
            opcode: first & 0x0f,
            payload,
        })
    }

    /// The next message, the end, or nothing by the deadline; pings are answered.
    pub(crate) fn next(&mut self, until: Instant) -> Item {
        loop {
            while let Some(frame) = self.frame() {
                match frame.opcode {
                    PING => drop(self.send_frame(PONG, &frame.payload)),
                    PONG => {}
                    CLOSE => {
                        let code = frame.payload.iter().take(2).fold(0, |n, b| n << 8 | u16::from(*b));
                        let _ = self.send_frame(CLOSE, &frame.payload[..2.min(frame.payload.len())]);
                        return Item::Close(code);
                    }
                    opcode => return Item::Message(Box::new(self.decode(opcode, &frame.payload))),
                }
            }
            match self.read(65_536, until) {
                Ok(true) => {}
                Ok(false) => return Item::Nothing,
                Err(kind) => return Item::Ended(kind),
            }
        }
    }

    /// The next message, which has to come.
    pub(crate) fn message(&mut self) -> proto::ServerMessage {
        match self.next(Instant::now() + LIMIT) {
            Item::Message(message) => *message,
            other => panic!("a message should have come: {other:?}"),
        }
    }

    /// Reads and throws away until the connection ends; the code of the close frame if one came.
    pub(crate) fn read_to_end(&mut self) -> Option<u16> {
        let until = Instant::now() + LIMIT;
        let mut code = None;
        loop {
            match self.next(until) {
                Item::Message(_) => {}
                Item::Close(closed) => code = Some(closed),
                Item::Ended(_) => return code,
                Item::Nothing => panic!("the connection is still there"),
            }
        }
    }

    pub(crate) fn decode(&self, opcode: u8, payload: &[u8]) -> proto::ServerMessage {
        let limits = DecodeLimits {
            message_bytes_max: FRAME_BYTES_MAX,
            inflated_bytes_max: FRAME_BYTES_MAX,
            ..DecodeLimits::default()
        };
        let decoded = decode_server(self.encoding, opcode == TEXT, payload, &limits);
        decoded.unwrap_or_else(|error| panic!("{error}: {payload:?}"))
    }
}

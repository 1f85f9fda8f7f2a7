//! A subscriber made by hand on a blocking socket: it frames, masks and reads, or does not.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use tickwire::wire::{DecodeLimits, Encoding, decode_server, encode_client, proto};

use super::LIMIT;
use super::frame::{BINARY, CLOSE, FRAME_BYTES_MAX, Frame, PING, PONG, TEXT, masked};
use super::http::{self, ACCEPT, Answer};
use super::server::Server;

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
    /// With its `?`.
    pub(crate) query: &'static str,
    /// SO_RCVBUF; the kernel's own size where absent.
    pub(crate) receive_buffer: Option<usize>,
}

impl Options {
    pub(crate) fn of(encoding: Encoding) -> Options {
        Options {
            encoding,
            ..Options::default()
        }
    }

    /// So little room that who does not read is soon noticed.
    pub(crate) fn narrow(encoding: Encoding) -> Options {
        Options {
            receive_buffer: Some(4_096),
            ..Options::of(encoding)
        }
    }
}

/// The peer.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    pub(crate) encoding: Encoding,
    /// To the handshake.
    pub(crate) answer: Answer,
    /// Bytes of frames read so far, headers included.
    pub(crate) received: u64,
    buffer: Vec<u8>,
}

impl Peer {
    /// Connects and shakes hands, the encoding agreed on by subprotocol; the welcome is still to be read.
    pub(crate) fn connect(addr: SocketAddr, options: Options) -> Peer {
        let mut stream = http::connect(addr, options.receive_buffer);
        let subprotocol = options.encoding.subprotocol();
        let request = http::upgrade(options.query, &[("Sec-WebSocket-Protocol", subprotocol)]);
        stream.write_all(&request).expect("the request is taken");
        let peer = Peer::answered(stream, options.encoding);
        assert_eq!(peer.answer.header("sec-websocket-protocol"), Some(subprotocol));
        peer
    }

    /// Shakes hands with this query and these headers.
    pub(crate) fn upgrade(server: &Server, query: &str, headers: &[(&str, &str)], encoding: Encoding) -> Peer {
        Peer::answered(server.sent(&http::upgrade(query, headers)), encoding)
    }

    /// Takes the answer to a handshake that was sent already.
    pub(crate) fn answered(mut stream: TcpStream, encoding: Encoding) -> Peer {
        let answer = Answer::read(&mut stream, "GET");
        assert_eq!(answer.status, 101, "{}", answer.text());
        assert_eq!(answer.header("sec-websocket-accept"), Some(ACCEPT));
        Peer {
            stream,
            encoding,
            answer,
            received: 0,
            buffer: Vec::new(),
        }
    }

    /// Sends a message in the peer's encoding; what cannot be sent any more shows as an end when reading.
    pub(crate) fn send(&mut self, message: &proto::ClientMessage) {
        let first = if self.encoding == Encoding::Json { TEXT } else { BINARY };
        self.send_if_open(&masked(first, &encode_client(self.encoding, message)));
    }

    /// Sends one masked frame.
    pub(crate) fn send_frame(&mut self, first: u8, payload: &[u8]) {
        self.send_raw(&masked(first, payload));
    }

    /// Sends bytes as they are, such as the beginning of a frame.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the bytes are taken");
    }

    /// The same where the connection may have ended meanwhile.
    pub(crate) fn send_if_open(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Reads at most so many bytes; false where nothing came in time, an error where the connection has ended.
    pub(crate) fn read(&mut self, most: usize, until: Instant) -> Result<bool, Option<ErrorKind>> {
        let left = until.saturating_duration_since(Instant::now());
        let left = left.max(Duration::from_millis(1));
        self.stream.set_read_timeout(Some(left)).expect("a timeout");
        let start = self.buffer.len();
        self.buffer.resize(start + most, 0);
        let outcome = self.stream.read(&mut self.buffer[start..]);
        let count = *outcome.as_ref().unwrap_or(&0);
        self.buffer.truncate(start + count);
        self.received += count as u64;
        match outcome {
            Ok(0) => Err(None),
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(false),
            Err(error) => Err(Some(error.kind())),
        }
    }

    /// A whole frame among what was read.
    pub(crate) fn frame_read(&mut self) -> Option<Frame> {
        Frame::take(&mut self.buffer)
    }

    /// The next frame; `None` where nothing whole came in time, an error where the connection has ended.
    fn frame_until(&mut self, until: Instant) -> Result<Option<Frame>, Option<ErrorKind>> {
        loop {
            match self.frame_read() {
                None if self.read(FRAME_BYTES_MAX, until)? => {}
                frame => return Ok(frame),
            }
        }
    }

    /// The next frame, whatever it is, which has to come.
    pub(crate) fn frame(&mut self) -> Frame {
        match self.frame_until(Instant::now() + LIMIT) {
            Ok(Some(frame)) => frame,
            other => panic!("a frame should have come: {other:?}"),
        }
    }

    /// The next message, the end, or nothing by the deadline; pings and closes are answered.
    pub(crate) fn next(&mut self, until: Instant) -> Item {
        loop {
            let frame = match self.frame_until(until) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Item::Nothing,
                Err(kind) => return Item::Ended(kind),
            };
            if let Some(item) = self.item(&frame) {
                return item;
            }
        }
    }

    /// What a frame is, if it is not the WebSocket's own; pings and closes are answered.
    pub(crate) fn item(&mut self, frame: &Frame) -> Option<Item> {
        match frame.first {
            PING => self.send_if_open(&masked(PONG, &frame.payload)),
            PONG => {}
            CLOSE => {
                self.send_if_open(&masked(CLOSE, &frame.payload[..2]));
                return Some(Item::Close(frame.close().0));
            }
            _ => return Some(Item::Message(Box::new(self.decode(frame)))),
        }
        None
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

    /// Reads up to the close frame, does not answer it, checks that nothing but an end in order is behind it, and
    /// gives code and reason.
    pub(crate) fn closed(&mut self) -> (u16, String) {
        let closes = std::iter::repeat_with(|| self.frame()).find(|f| f.first == CLOSE);
        let close = closes.expect("frames without end").close();
        assert!(self.buffer.is_empty(), "nothing comes behind a close");
        assert_eq!(self.read(1, Instant::now() + LIMIT), Err(None), "the end");
        close
    }

    pub(crate) fn decode(&self, frame: &Frame) -> proto::ServerMessage {
        assert!(matches!(frame.first, TEXT | BINARY), "not a message: {frame:?}");
        let limits = DecodeLimits {
            message_bytes_max: FRAME_BYTES_MAX,
            inflated_bytes_max: FRAME_BYTES_MAX,
            ..DecodeLimits::default()
        };
        let decoded = decode_server(self.encoding, frame.first == TEXT, &frame.payload, &limits);
        decoded.unwrap_or_else(|error| panic!("{error}: {frame:?}"))
    }
}

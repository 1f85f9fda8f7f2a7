//! A subscriber's socket: non-blocking, read into memory that all of a thread share.

use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::fault::Fault;
use super::frame::{self, Opcode};
use super::plan::Plan;
use super::subscriber::{Standing, Subscriber, Tools, ping};
use super::upgrade::Upgrade;
use super::wire::Wire;
use crate::client::Disconnect;
use crate::market::Ts;
use crate::wire::Encoding;

/// From connecting to the last whole snapshot: a server on one core greets thousands within some seconds.
const JOIN_DEADLINE: Duration = Duration::from_secs(30);

/// Shortest silence that is taken for a lost connection: a server under load may miss some heartbeats.
const SILENCE_MIN: Duration = Duration::from_secs(10);

/// Memory kept for a frame that came in pieces; larger ones are given back.
const INPUT_BYTES_KEPT: usize = 64 << 10;

/// Where a connection stands.
#[derive(Debug)]
enum Stage {
    Connecting,
    Upgrading(Upgrade),
    Open,
    /// We have said goodbye.
    Closing,
    /// It has ended as it should.
    Ended,
}

/// One subscriber with its socket.
#[derive(Debug)]
pub(super) struct Connection {
    wire: Wire,
    stage: Stage,
    /// What came of a frame that is not whole; empty and without memory most of the time.
    input: Vec<u8>,
    /// What the socket did not take yet.
    output: Vec<u8>,
    pub(super) subscriber: Subscriber,
    begun: Instant,
    heard: Instant,
}

impl Connection {
    /// Begins to connect.
    pub(super) fn open(number: usize, plan: &Plan, registry: &Registry, token: Token) -> Result<Connection, Fault> {
        let mut socket = TcpStream::connect(plan.addr).map_err(Disconnect::Connect)?;
        // Edges of both come at once; a socket that takes what is written costs none.
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry
            .register(&mut socket, token, interest)
            .map_err(Disconnect::Connect)?;
        let now = Instant::now();
        Ok(Connection {
            wire: Wire::new(socket, &plan.options)?,
            stage: Stage::Connecting,
            input: Vec::new(),
            output: Vec::new(),
            subscriber: Subscriber::new(number, plan),
            begun: now,
            heard: now,
        })
    }

    pub(super) fn is_joined(&self) -> bool {
        self.subscriber.standing == Standing::Joined
    }

    /// Whether it has ended as it should.
    pub(super) fn is_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended)
    }

    /// Reads and writes what can be.
    ///
    /// # Errors
    /// It is of no more use.
    pub(super) fn ready(
        &mut self,
        event: &Event,
        now: Instant,
        buffer: &mut [u8],
        tools: &mut Tools,
    ) -> Result<(), Fault> {
        self.heard = now;
        if event.is_writable() || event.is_error() {
            self.connected(tools)?;
        }
        if event.is_readable() || event.is_read_closed() {
            self.read(event.is_read_closed(), buffer, tools)?;
        }
        self.flush()
    }

    fn connected(&mut self, tools: &Tools) -> Result<(), Fault> {
        if !matches!(self.stage, Stage::Connecting) {
            return Ok(());
        }
        if let Some(error) = self.wire.socket().take_error().map_err(Disconnect::Connect)? {
            return Err(Disconnect::Connect(error).into());
        }
        match self.wire.socket().peer_addr() {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
            Err(error) => return Err(Disconnect::Connect(error).into()),
        }
        self.wire.socket().set_nodelay(true).map_err(Disconnect::Connect)?;
        let (upgrade, request) = Upgrade::new(&tools.plan.options)?;
        self.output = request;
        self.stage = Stage::Upgrading(upgrade);
        Ok(())
    }

    /// Reads until nothing is left. A read that does not fill the buffer has emptied the socket, and what comes later
    /// is an edge of its own; only an end that came with it has to be asked for.
    fn read(&mut self, is_closed: bool, buffer: &mut [u8], tools: &mut Tools) -> Result<(), Fault> {
        loop {
            match self.wire.read(buffer) {
                Ok(0) => return self.end(),
                Ok(count) => {
                    self.take(&buffer[..count], Ts::now(), tools)?;
                    if self.is_ended() || (self.wire.is_emptied_by(count, buffer.len()) && !is_closed) {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) if matches!(self.stage, Stage::Closing) => {
                    self.stage = Stage::Ended;
                    return Ok(());
                }
                Err(error) => return Err(broken(error)),
            }
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        match &self.stage {
            Stage::Upgrading(upgrade) => {
                // The refusal's body may have ended with the connection.
                upgrade.answer(&self.input, true)?;
                Err(Disconnect::Ended.into())
            }
            Stage::Closing | Stage::Ended => {
                self.stage = Stage::Ended;
                Ok(())
            }
            Stage::Connecting | Stage::Open => Err(Disconnect::Ended.into()),
        }
    }

    fn take(&mut self, bytes: &[u8], ts_recv: Ts, tools: &mut Tools) -> Result<(), Fault> {
        if self.input.is_empty() && !matches!(self.stage, Stage::Upgrading(_)) {
            let used = self.frames(bytes, ts_recv, tools)?;
            self.input.extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        self.input.extend_from_slice(bytes);
        let mut input = std::mem::take(&mut self.input);
        let mut used = 0;
        if let Stage::Upgrading(upgrade) = &self.stage {
            let Some(len) = upgrade.answer(&input, false)? else {
                self.input = input;
                return Ok(());
            };
            used = len;
            self.stage = Stage::Open;
        }
        used += self.frames(&input[used..], ts_recv, tools)?;
        input.drain(..used);
        if !input.is_empty() || input.capacity() <= INPUT_BYTES_KEPT {
            self.input = input;
        }
        Ok(())
    }

    /// Takes all whole frames; how many bytes they were.
    fn frames(&mut self, bytes: &[u8], ts_recv: Ts, tools: &mut Tools) -> Result<usize, Fault> {
        let mut used = 0;
        while let Some(frame) = frame::first(&bytes[used..]).map_err(Fault::Frame)? {
            used += frame.len;
            tools.tally.now().wire_bytes += frame.len as u64;
            match frame.opcode {
                Opcode::Text | Opcode::Binary => {
                    let (output, encoding) = (&mut self.output, tools.plan.encoding());
                    let send = |message: Vec<u8>| push_message(output, encoding, &message);
                    let is_text = frame.opcode == Opcode::Text;
                    self.subscriber.message(is_text, frame.payload, ts_recv, tools, send)?;
                }
                Opcode::Ping => frame::push(&mut self.output, Opcode::Pong, frame.payload, mask()),
                Opcode::Pong => {}
                Opcode::Close if matches!(self.stage, Stage::Closing) => {
                    self.stage = Stage::Ended;
                    return Ok(used);
                }
                Opcode::Close => {
                    let code = frame.payload.get(..2).unwrap_or_default();
                    frame::push(&mut self.output, Opcode::Close, code, mask());
                    // It ends either way.
                    let _ = self.flush();
                    let (code, words) = frame::close_of(frame.payload);
                    return Err(Disconnect::closed(code, &words).into());
                }
            }
        }
        Ok(used)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        while !self.output.is_empty() && !matches!(self.stage, Stage::Connecting) {
            match self.wire.write(&self.output) {
                Ok(count) => drop(self.output.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(error)),
            }
        }
        Ok(())
    }

    /// Sends a ping of the protocol.
    pub(super) fn ping(&mut self, encoding: Encoding) -> Result<(), Fault> {
        push_message(&mut self.output, encoding, &ping(encoding, Ts::now()));
        self.flush()
    }

    /// Says goodbye; what the server sent before its own is still read.
    pub(super) fn close(&mut self) {
        let is_open = matches!(self.stage, Stage::Open);
        self.stage = Stage::Ended;
        if is_open {
            frame::push(&mut self.output, Opcode::Close, &1000u16.to_be_bytes(), mask());
            if self.flush().is_ok() {
                self.stage = Stage::Closing;
            }
        }
    }

    /// Whether it has had its time.
    ///
    /// # Errors
    /// It should have joined, or said something.
    pub(super) fn check(&self, now: Instant) -> Result<(), Fault> {
        if !self.is_joined() && now.saturating_duration_since(self.begun) > JOIN_DEADLINE {
            return Err(Fault::JoinDeadline(JOIN_DEADLINE));
        }
        let heartbeats = Duration::from_millis(u64::from(self.subscriber.heartbeat_ms)) * 3;
        let silence = heartbeats.max(SILENCE_MIN);
        if self.is_joined() && now.saturating_duration_since(self.heard) > silence {
            return Err(Disconnect::Silent(silence).into());
        }
        Ok(())
    }
}

fn broken(error: io::Error) -> Fault {
    let error = tokio_tungstenite::tungstenite::Error::Io(error);
    Disconnect::Socket(Box::new(error)).into()
}

fn push_message(out: &mut Vec<u8>, encoding: Encoding, message: &[u8]) {
    let opcode = match encoding {
        Encoding::Json => Opcode::Text,
        Encoding::Protobuf | Encoding::Msgpack => Opcode::Binary,
    };
    frame::push(out, opcode, message, mask());
}

fn mask() -> [u8; 4] {
    fastrand::u32(..).to_ne_bytes()
}

//! Requests of a peer and their answers, one by one.

use tickwire::wire::Encoding;
use tickwire::wire::proto::{self, client_message, server_message};

use super::frame::{PING, PONG, TEXT};
use super::peer::{Options, Peer};
use super::server::Server;

pub(crate) type Ask = client_message::Body;
pub(crate) type Said = server_message::Body;

pub(crate) fn subscribe(symbols: &[&str]) -> Ask {
    Ask::Subscribe(proto::Subscribe {
        symbols: symbols.iter().map(|s| (*s).to_owned()).collect(),
        ..Default::default()
    })
}

impl Peer {
    /// Connects and reads the welcome.
    pub(crate) fn open(server: &Server, encoding: Encoding) -> Peer {
        let mut peer = Peer::connect(server.addr, Options::of(encoding));
        peer.welcome();
        peer
    }

    pub(crate) fn welcome(&mut self) -> proto::Welcome {
        match self.said() {
            Said::Welcome(welcome) => welcome,
            other => panic!("not a welcome: {other:?}"),
        }
    }

    /// What the next frame says, which has to be a message.
    pub(crate) fn said(&mut self) -> Said {
        let frame = self.frame();
        self.decode(&frame).body.expect("a known body")
    }

    pub(crate) fn request(&mut self, request_id: u64, body: Ask) {
        let body = Some(body);
        self.send(&proto::ClientMessage { request_id, body });
    }

    /// The next message that is neither heartbeat nor delta nor the WebSocket's own.
    pub(crate) fn answered_with(&mut self) -> Said {
        loop {
            let frame = self.frame();
            if matches!(frame.first, PING | PONG) {
                continue;
            }
            match self.decode(&frame).body.expect("a known body") {
                Said::Heartbeat(_) | Said::Delta(_) => {}
                other => return other,
            }
        }
    }

    pub(crate) fn ask(&mut self, request_id: u64, body: Ask) -> Said {
        self.request(request_id, body);
        self.answered_with()
    }

    /// Sends text that is refused; the error's request, code and message.
    pub(crate) fn refused(&mut self, text: &str) -> (u64, proto::ErrorCode, String) {
        self.send_frame(TEXT, text.as_bytes());
        self.error()
    }

    pub(crate) fn error(&mut self) -> (u64, proto::ErrorCode, String) {
        match self.answered_with() {
            Said::Error(error) => (error.request_id, error.code(), error.message),
            other => panic!("not an error: {other:?}"),
        }
    }

    /// The answer to a ping shows that the connection still stands.
    pub(crate) fn is_alive(&mut self) -> bool {
        let ping = Ask::Ping(proto::Ping { nonce: 4_711, ts: 5 });
        matches!(self.ask(9, ping), Said::Pong(pong) if pong.nonce == 4_711 && pong.ts_client == 5)
    }
}

//! The subscriber against a scripted server over real TCP.

use std::time::Duration;

use futures_util::SinkExt;
use prost::Message as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_stream::StreamExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::*;
use crate::client::{Disconnect, Notice, Options, Subscriber};
use crate::wire::proto::client_message::Body as ClientBody;
use crate::wire::proto::{ClientMessage, Goaway, Position, Subscribe, Welcome};

/// Each wait of these tests ends by then.
const LIMIT: Duration = Duration::from_secs(20);

/// A server that does what the test says.
struct Server {
    listener: TcpListener,
}

/// One accepted connection.
struct Peer {
    socket: WebSocketStream<TcpStream>,
}

async fn within<F: Future>(awaited: F) -> F::Output {
    timeout(LIMIT, awaited).await.expect("done within the limit")
}

impl Server {
    async fn start() -> Server {
        Server {
            listener: TcpListener::bind("127.0.0.1:0").await.expect("a port"),
        }
    }

    fn options(&self) -> Options {
        let address = self.listener.local_addr().expect("an address");
        Options::new(&format!("http://{address}")).expect("a URL")
    }

    async fn accept_unwelcomed(&self) -> Peer {
        let (tcp, _) = within(self.listener.accept()).await.expect("a connection");
        #[allow(clippy::result_large_err)] // the callback's type is tungstenite's
        let echo = |request: &Request, mut response: Response| {
            assert_eq!(request.uri().path(), "/v1/stream");
            let protocol = request.headers()["sec-websocket-protocol"].clone();
            response.headers_mut().insert("sec-websocket-protocol", protocol);
            Ok(response)
        };
        Peer {
            socket: within(accept_hdr_async(tcp, echo)).await.expect("an upgrade"),
        }
    }

    async fn accept(&self) -> Peer {
        let mut peer = self.accept_unwelcomed().await;
        peer.send(message(Body::Welcome(Welcome {
            epoch: 9,
            heartbeat_ms: 1000,
            ..Default::default()
        })))
        .await;
        peer
    }
}

impl Peer {
    async fn send(&mut self, message: impl Into<ServerMessage>) {
        let bytes = message.into().encode_to_vec();
        within(self.socket.send(Message::binary(bytes))).await.expect("sent");
    }

    async fn receive(&mut self) -> ClientMessage {
        match within(self.socket.next()).await.expect("a message").expect("a message") {
            Message::Binary(bytes) => ClientMessage::decode(bytes).expect("a client message"),
            other => panic!("{other:?}"),
        }
    }

    async fn subscribe(&mut self) -> (u64, Subscribe) {
        let message = self.receive().await;
        match message.body {
            Some(ClientBody::Subscribe(subscribe)) => (message.request_id, subscribe),
            other => panic!("{other:?}"),
        }
    }

    async fn close(mut self, code: u16) {
        let frame = CloseFrame {
            code: code.into(),
            reason: "as the test says".into(),
        };
        // The other side may be gone before this one knows.
        let _ = within(self.socket.close(Some(frame))).await;
    }
}

/// Reads notices up to one that is meant.
async fn until<T>(subscriber: &mut Subscriber, mut meant: impl FnMut(Notice) -> Option<T>) -> T {
    within(async {
        loop {
            if let Some(found) = meant(subscriber.next().await.expect("more notices")) {
                return found;
            }
        }
    })
    .await
}

async fn answered(server: &Server) -> (Subscriber, Peer) {
    let subscriber = Subscriber::new(server.options());
    subscriber.subscribe(["a:*"]).await.expect("a pattern");
    let mut peer = server.accept().await;
    let (request_id, subscribe) = peer.subscribe().await;
    assert_eq!((subscribe.symbols, subscribe.resume), (vec!["a:*".to_owned()], None));
    peer.send(whole(
        request_id,
        5,
        vec![instrument(1, "a:A")],
        vec![counted(1, 100, 1)],
    ))
    .await;
    (subscriber, peer)
}

#[tokio::test]
async fn a_dropped_connection_is_resumed_from_own_seq() {
    let server = Server::start().await;
    let (mut subscriber, mut peer) = answered(&server).await;
    peer.send(delta(5, 6, vec![bid(1, 101)])).await;
    within(subscriber.wait_until(|view| view.is_caught_up(6)))
        .await
        .expect("caught up");
    drop(peer);
    until(&mut subscriber, |n| {
        matches!(n, Notice::Disconnected { .. }).then_some(())
    })
    .await;
    assert_eq!(
        subscriber.view().len(),
        1,
        "the view stays while there is no connection"
    );
    let mut peer = server.accept().await;
    let (request_id, subscribe) = peer.subscribe().await;
    assert_eq!(subscribe.resume, Some(Position { epoch: 9, seq: 6 }));
    peer.send(Snapshot {
        resumed: true,
        ..whole(request_id, 9, vec![], vec![counted(1, 109, 7)])
    })
    .await;
    within(subscriber.wait_until(|view| view.is_caught_up(9)))
        .await
        .expect("caught up");
    assert_eq!(subscriber.view().dump()["a:A"].update_count, 7);
}

#[tokio::test]
async fn a_hole_is_repaired_on_the_same_connection() {
    let server = Server::start().await;
    let (mut subscriber, mut peer) = answered(&server).await;
    peer.send(delta(6, 7, vec![bid(1, 666)])).await;
    let (request_id, subscribe) = peer.subscribe().await;
    assert_eq!(subscribe.resume, Some(Position { epoch: 9, seq: 5 }));
    until(&mut subscriber, |n| matches!(n, Notice::Repair(None)).then_some(())).await;
    peer.send(Snapshot {
        resumed: true,
        ..whole(request_id, 8, vec![], vec![counted(1, 108, 3)])
    })
    .await;
    within(subscriber.wait_until(|view| view.is_caught_up(8)))
        .await
        .expect("caught up");
    assert_eq!(subscriber.view().dump()["a:A"].values["bid_price"], "1.08");
}

#[tokio::test]
async fn a_server_that_breaks_the_protocol_again_and_again_is_left() {
    let server = Server::start().await;
    let (mut subscriber, mut peer) = answered(&server).await;
    for seq in 6.. {
        peer.send(delta(seq - 1, seq, vec![bid(42, 1)])).await;
        let Some(Ok(Message::Binary(bytes))) = within(peer.socket.next()).await else {
            break;
        };
        let request_id = ClientMessage::decode(bytes).expect("a subscribe").request_id;
        peer.send(whole(request_id, seq, vec![], vec![])).await;
    }
    let reason = until(&mut subscriber, |n| match n {
        Notice::Disconnected { reason, .. } => Some(reason),
        _ => None,
    });
    assert!(matches!(reason.await, Disconnect::Unrepairable(Some(_))));
}

#[tokio::test]
async fn a_goaway_sets_the_wait_before_the_next_connection() {
    let server = Server::start().await;
    let (mut subscriber, mut peer) = answered(&server).await;
    let goaway = Goaway {
        reason: "restart".into(),
        reconnect_after_ms: 7,
        url: String::new(),
    };
    peer.send(message(Body::Goaway(goaway))).await;
    peer.close(4001).await;
    let (code, wait) = until(&mut subscriber, |n| match n {
        Notice::Disconnected {
            reason: Disconnect::Closed { code, .. },
            retry_in,
        } => Some((code, retry_in)),
        _ => None,
    })
    .await;
    assert_eq!((code, wait), (4001, Duration::from_millis(7)));
    server.accept().await.subscribe().await;
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left() {
    let server = Server::start().await;
    let deadline = Duration::from_millis(50);
    let mut subscriber = Subscriber::new(server.options().deadlines(LIMIT, LIMIT, deadline));
    let mut peer = server.accept_unwelcomed().await;
    peer.send(message(Body::Welcome(Welcome {
        heartbeat_ms: 10,
        ..Default::default()
    })))
    .await;
    let reason = until(&mut subscriber, |n| match n {
        Notice::Disconnected { reason, .. } => Some(reason),
        _ => None,
    });
    assert!(matches!(reason.await, Disconnect::Silent(d) if d == deadline));
}

#[tokio::test]
async fn a_server_that_does_not_greet_is_left() {
    let server = Server::start().await;
    let deadline = Duration::from_millis(50);
    let mut subscriber = Subscriber::new(server.options().deadlines(LIMIT, deadline, LIMIT));
    let _peer = server.accept_unwelcomed().await;
    let reason = until(&mut subscriber, |n| match n {
        Notice::Disconnected { reason, .. } => Some(reason),
        _ => None,
    });
    assert!(matches!(reason.await, Disconnect::NoWelcome(_)));
}

#[tokio::test]
async fn a_close_code_that_says_never_ends_the_stream() {
    let server = Server::start().await;
    let (mut subscriber, peer) = answered(&server).await;
    peer.close(4507).await;
    let reason = until(&mut subscriber, |n| match n {
        Notice::GaveUp(reason) => Some(reason),
        _ => None,
    });
    assert!(matches!(reason.await, Disconnect::Closed { code: 4507, .. }));
    assert!(within(subscriber.next()).await.is_none());
    assert!(within(subscriber.wait_until(|_| false)).await.is_err());
    assert!(subscriber.subscribe(["a:B"]).await.is_err());
}

#[tokio::test]
async fn a_subscriber_that_is_dropped_says_goodbye() {
    let server = Server::start().await;
    let (subscriber, mut peer) = answered(&server).await;
    within(subscriber.wait_until(|view| view.is_complete()))
        .await
        .expect("caught up");
    drop(subscriber);
    let last = within(peer.socket.next())
        .await
        .expect("a close frame")
        .expect("a close frame");
    assert!(matches!(last, Message::Close(Some(frame)) if u16::from(frame.code) == 1000));
}

#[tokio::test]
async fn a_program_that_does_not_read_finds_each_changed_symbol_once() {
    let server = Server::start().await;
    let (mut subscriber, mut peer) = answered(&server).await;
    for seq in 6..=2_000 {
        peer.send(delta(seq - 1, seq, vec![bid(1, 1)])).await;
    }
    within(subscriber.wait_until(|view| view.is_caught_up(2_000)))
        .await
        .expect("caught up");
    let changed = until(&mut subscriber, |n| match n {
        Notice::Changed(changed) => Some(changed),
        _ => None,
    })
    .await;
    assert_eq!(changed.symbols.len(), 1);
    assert!(
        timeout(Duration::ZERO, subscriber.next()).await.is_err(),
        "nothing is left"
    );
}

#[tokio::test]
async fn with_a_window_each_delta_is_confirmed_and_what_repairs_a_lost_one() {
    let server = Server::start().await;
    let subscriber = Subscriber::new(server.options().window(4));
    subscriber.subscribe(["a:A"]).await.expect("a symbol");
    let mut peer = server.accept().await;
    let configure = peer.receive().await;
    assert!(matches!(configure.body, Some(ClientBody::Configure(c)) if c.window == Some(4) && c.interval_ms.is_none()));
    let (request_id, _) = peer.subscribe().await;
    peer.send(whole(request_id, 5, vec![instrument(1, "a:A")], vec![]))
        .await;
    peer.send(delta(5, 6, vec![bid(1, 1)])).await;
    let received =
        |seq: u64| move |body: Option<ClientBody>| matches!(body, Some(ClientBody::Received(r)) if r.seq == seq);
    assert!(received(5)(peer.receive().await.body));
    assert!(received(6)(peer.receive().await.body));
    // 7 is lost: only the answer that repairs it can confirm it, and with it the one that showed the hole.
    peer.send(delta(7, 8, vec![bid(1, 2)])).await;
    let (request_id, _) = peer.subscribe().await;
    let repair = Snapshot {
        resumed: true,
        ..whole(request_id, 8, vec![], vec![counted(1, 2, 3)])
    };
    peer.send(repair).await;
    assert!(received(8)(peer.receive().await.body));
}

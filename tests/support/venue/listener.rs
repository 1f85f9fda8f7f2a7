//! The venue's thread: it accepts, refuses, answers upgrades and plays.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::RETRY_AFTER;

use super::fault::Refusal;
use super::state::Shared;
use super::task::{self, Rhythm};
use super::wire::{Socket, Wire};

/// Frames between two turns of the connections' tasks, so that a long recording does not keep them waiting.
const FRAMES_A_TURN: usize = 32;

/// What every connection of a venue has in common.
#[derive(Clone)]
pub(super) struct Front {
    pub(super) shared: Arc<Shared>,
    pub(super) paths: &'static [&'static str],
    pub(super) rhythm: Rhythm,
    pub(super) acceptor: Option<TlsAcceptor>,
}

/// The running thread; it ends, and with it every connection, when dropped.
pub(super) struct Thread {
    pub(super) addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    handle: Option<JoinHandle<()>>,
}

impl Thread {
    /// Listens on a free port of this machine.
    pub(super) fn start(front: Front) -> Thread {
        let (stop, stopped) = oneshot::channel::<()>();
        let (bound, addr) = mpsc::channel();
        let run = move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                bound
                    .send(listener.local_addr().expect("an address"))
                    .expect("the test waits");
                tokio::select! {
                    () = accept(listener, front.clone()) => {}
                    () = play(front.shared) => {}
                    _ = stopped => {}
                }
            });
        };
        let handle = std::thread::Builder::new()
            .name("venue".to_owned())
            .spawn(run)
            .expect("a thread");
        let addr = addr.recv().expect("it listens");
        Thread {
            addr,
            stop: Some(stop),
            handle: Some(handle),
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.handle.take().map(JoinHandle::join);
        // Whatever the venue itself got wrong fails the test, unless that fails already.
        assert!(
            std::thread::panicking() || matches!(ended, Some(Ok(()))),
            "the venue's thread panicked"
        );
    }
}

async fn accept(listener: TcpListener, front: Front) {
    while let Ok((tcp, _)) = listener.accept().await {
        match front.shared.change(|state| state.attempt()) {
            Some(Refusal::Tcp) => drop(tcp),
            refusal => drop(tokio::spawn(serve(tcp, front.clone(), refusal))),
        }
    }
}

/// One connection from its first byte to its last.
async fn serve(tcp: TcpStream, front: Front, refusal: Option<Refusal>) {
    tcp.set_nodelay(true).expect("an option");
    let socket = match &front.acceptor {
        None => Socket::Plain(tcp),
        Some(acceptor) => match acceptor.accept(tcp).await {
            Ok(tls) => Socket::Tls(Box::new(tls)),
            // A subscriber that does not trust the certificate.
            Err(_) => return,
        },
    };
    let mut asked = None;
    // The library's own type.
    #[allow(clippy::result_large_err)]
    let check = |request: &Request, response: Response| {
        let uri = request.uri();
        if let Some(Refusal::Http { status, retry_after_s }) = refusal {
            return Err(refused(status, retry_after_s));
        }
        if !front.paths.contains(&uri.path()) {
            return Err(refused(404, None));
        }
        asked = Some((uri.path().to_owned(), uri.query().unwrap_or_default().to_owned()));
        Ok(response)
    };
    let Ok(ws) = accept_hdr_async(Wire::new(socket), check).await else {
        return;
    };
    let (path, query) = asked.expect("it was accepted");
    let (id, out) = front.shared.change(|state| state.open(path, query));
    task::run(front.shared, front.rhythm, id, ws, out).await;
}

fn refused(status: u16, retry_after_s: Option<u64>) -> ErrorResponse {
    let mut response = ErrorResponse::new(None);
    *response.status_mut() = status.try_into().expect("an HTTP status");
    let headers = response.headers_mut();
    headers.insert("content-length", "0".parse().expect("a value"));
    headers.insert("connection", "close".parse().expect("a value"));
    if let Some(seconds) = retry_after_s {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// Plays what may be played, at the pace that is set.
async fn play(shared: Arc<Shared>) {
    let mut due = Instant::now();
    loop {
        let pace = shared.look(|state| state.may_play().then_some(state.frames_per_second));
        match pace {
            None => {
                shared.wake.notified().await;
                due = due.max(Instant::now());
            }
            Some(None) => {
                shared.change(|state| {
                    for _ in 0..FRAMES_A_TURN {
                        if state.may_play() {
                            state.step();
                        }
                    }
                });
                tokio::task::yield_now().await;
            }
            Some(Some(frames_per_second)) => {
                sleep_until(due).await;
                due += Duration::from_secs_f64(1.0 / frames_per_second);
                shared.change(|state| state.may_play().then(|| state.step()));
            }
        }
    }
}

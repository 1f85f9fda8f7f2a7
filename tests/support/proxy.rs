//! A TCP proxy between a subscriber and the server that slows down and breaks connections on demand.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How bytes go from the server to the subscriber.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flow {
    /// As they come.
    Open,
    /// At most so many, then a pause.
    Slow { bytes: usize, pause: Duration },
}

/// The proxy; its connections end when it is dropped.
pub(crate) struct Proxy {
    addr: SocketAddr,
    flow: watch::Sender<Flow>,
    cuts: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port and passes on to `server`.
    pub(crate) async fn start(server: SocketAddr, flow: Flow) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let (flow, flows) = watch::channel(flow);
        let (cuts, cut) = watch::channel(0);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server, flows.clone(), cut.clone()));
            }
        });
        Proxy { addr, flow, cuts, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) fn set(&self, flow: Flow) {
        self.flow.send_replace(flow);
    }

    /// Breaks every connection in the middle of what it was passing on; every other time with a reset.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|n| *n += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(client: TcpStream, server: SocketAddr, mut flow: watch::Receiver<Flow>, mut cut: watch::Receiver<u64>) {
    cut.borrow_and_update();
    let socket = TcpSocket::new_v4().expect("a socket");
    // Small buffers, so that what is slow here is slow for the server.
    socket.set_recv_buffer_size(4_096).expect("a buffer");
    let Ok(upstream) = socket.connect(server).await else {
        return;
    };
    SockRef::from(&client).set_send_buffer_size(4_096).expect("a buffer");
    client.set_nodelay(true).expect("an option");
    upstream.set_nodelay(true).expect("an option");
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = upstream.into_split();
    let up = async { copy(&mut from_client, &mut to_server).await.map(drop) };
    let down = async {
        let mut buffer = [0u8; 4_096];
        loop {
            let now = *flow.borrow_and_update();
            let (most, pause) = match now {
                Flow::Open => (buffer.len(), None),
                Flow::Slow { bytes, pause } => (bytes, Some(pause)),
            };
            let count = from_server.read(&mut buffer[..most]).await?;
            if count == 0 {
                return Ok::<(), std::io::Error>(());
            }
            to_client.write_all(&buffer[..count]).await?;
            if let Some(pause) = pause {
                tokio::select! {
                    () = sleep(pause) => {}
                    _ = flow.changed() => {}
                }
            }
        }
    };
    let is_cut = tokio::select! {
        _ = up => false,
        _ = down => false,
        changed = cut.changed() => changed.is_ok(),
    };
    if is_cut {
        let mut rest = [0u8; 64];
        if let Ok(count) = from_server.try_read(&mut rest) {
            let _ = to_client.write_all(&rest[..count / 2]).await;
        }
        if cut.borrow().is_multiple_of(2) {
            let _ = SockRef::from(to_client.as_ref()).set_linger(Some(Duration::ZERO));
        }
    }
}

//! A server among bad peers: what it had before they came and has after they have gone, and a healthy neighbour that was
//! there all along.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};

use rustix::process::{Resource, getrlimit, setrlimit};
use tickwire::wire::Encoding;

use super::follower::Follower;
use super::peer::{Options, Peer};
use super::process::{Process, directory};
use super::server::Server;
use super::{LIMIT, eventually};

/// Lively enough that nearly every beat concerns the neighbour.
const FEED: &str = "synthetic?symbols=100&rate=2000&seed=5";

/// What the neighbour holds: ten of them, 20 KB a second. The sockets' buffers hold some seconds of that.
const NEAR: &str = "synthetic:S001*";

/// Bytes that may be resident after all waves beyond those before: the allocator keeps for the next ones what two thousand
/// connections had, some 30 KiB each without optimisation.
const KEPT_MAX: u64 = 96 << 20;

/// And what a wave may add to what was kept after those before it: 4 KiB of each of two thousand.
const GROWTH_MAX: u64 = 8 << 20;

/// Waves after the first until one adds no more than that. How many of a wave are there at the same time depends on the
/// machine, so a second may need more than the first; but what is lost of each peer is lost again with every wave.
const WAVES_MAX: usize = 4;

/// Has bad peers come twice, or more often. After each wave all that they had is given back, and in the end the neighbour has every value
/// and saw no rule broken.
pub(crate) fn besieged(args: &[&str], wave: impl Fn(&Server)) {
    allow_many_files();
    let all = [
        &["serve", "--listen", "127.0.0.1:0", "--shards", "2", "--feed", FEED],
        args,
    ]
    .concat();
    // Else each thread of the runtime keeps what a wave has left in a place of its own, and a later wave fills another.
    let one_place = [("MALLOC_ARENA_MAX", "1")];
    let server = Server::of_process(Process::spawn_in(directory(), &all, &one_place));
    server.until_instruments(100);
    let neighbour = Neighbour::of(&server, NEAR);
    let before = Figures::of(&server);
    wave(&server);
    let mut kept = before.after_a_wave(&server);
    let mut waves = 1;
    loop {
        wave(&server);
        waves += 1;
        let resident = before.after_a_wave(&server);
        if resident <= kept + GROWTH_MAX {
            break;
        }
        assert!(
            waves <= WAVES_MAX,
            "every wave adds to what is kept: {resident} bytes after {kept}"
        );
        kept = resident;
    }
    assert!(
        kept <= before.resident + KEPT_MAX,
        "{kept} bytes, {} before",
        before.resident
    );
    let follower = neighbour.finish(&server, NEAR);
    eprintln!(
        "resident: {} KiB, {} KiB after {waves} waves; {} descriptors; the neighbour had {} deltas, {} beats skipped",
        before.resident >> 10,
        kept >> 10,
        before.descriptors,
        follower.deltas,
        follower.skipped
    );
    // Its own socket is never full. But a shard to which the machine gave no time takes several beats at once and says so.
    assert!(
        follower.skipped <= follower.deltas / 4 + 20,
        "{} beats",
        follower.skipped
    );
    assert!(follower.deltas > 10, "it had next to nothing to miss");
    assert_eq!(server.metric("tickwire_panics_total", ""), 0.0);
}

/// What a server has at rest, with nobody but the neighbour.
struct Figures {
    resident: u64,
    descriptors: usize,
}

impl Figures {
    fn of(server: &Server) -> Figures {
        // What is made once, such as threads that may block, is made before it is looked at.
        (0..20).for_each(|_| drop(server.page("/v1/snapshot?symbols=synthetic:*")));
        server.until_subscribers(1);
        // The connection of the last request may still be there.
        let mut descriptors = server.process.descriptors();
        eventually("descriptors at rest", || {
            let now = server.process.descriptors();
            (std::mem::replace(&mut descriptors, now) == now).then_some(())
        });
        Figures {
            resident: server.process.resident_bytes().unwrap_or(0),
            descriptors,
        }
    }

    /// Waits until everything is given back; what is resident then.
    fn after_a_wave(&self, server: &Server) -> u64 {
        server.until_status("nobody but the neighbour", |status| {
            status["subscribers"] == 1 && status["waiting"] == 0
        });
        eventually("every descriptor is given back", || {
            (server.process.descriptors() <= self.descriptors).then_some(())
        });
        server.process.resident_bytes().unwrap_or(0)
    }
}

/// A subscriber that reads as it should, in a thread of its own, and insists on every rule of the protocol.
pub(crate) struct Neighbour {
    is_enough: Arc<AtomicBool>,
    reader: JoinHandle<(Peer, Follower)>,
}

impl Neighbour {
    /// Subscribes, and reads on.
    pub(crate) fn of(server: &Server, symbols: &str) -> Neighbour {
        let mut peer = Peer::connect(server.addr, Options::of(Encoding::Protobuf));
        let mut follower = Follower::subscribe(&mut peer, &[symbols]);
        let is_enough = Arc::new(AtomicBool::new(false));
        let until = is_enough.clone();
        let reader = thread::spawn(move || {
            while !until.load(Relaxed) {
                let message = peer.message();
                follower.take(&message);
            }
            (peer, follower)
        });
        Neighbour { is_enough, reader }
    }

    /// Ends once it has the store's values.
    pub(crate) fn finish(self, server: &Server, symbols: &str) -> Follower {
        self.is_enough.store(true, Relaxed);
        let (mut peer, mut follower) = self.reader.join().expect("the neighbour saw no rule broken");
        follower.compare(&mut peer, server, symbols);
        follower
    }
}

/// Lets this test have as many sockets as the system allows it.
fn allow_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("the own bound may be raised to the most");
}

/// Waits until every one of these connections was ended by the server; how long that took is bounded by [`LIMIT`].
pub(crate) fn until_ended(streams: &mut [std::net::TcpStream]) {
    use std::io::Read;
    for stream in streams {
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        let mut sink = [0; 4_096];
        while let Ok(count) = stream.read(&mut sink) {
            if count == 0 {
                break;
            }
        }
    }
}

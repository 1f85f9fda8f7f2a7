//! Law 1 over real sockets: whoever has caught up has the store's values, however it came there.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use support::proxy::{Flow, Proxy};
use support::server::Server;
use support::{LIMIT, captures, eventually, rows, truth};
use tickwire::client::{Notice, Options, Row, Subscriber, View};
use tickwire::market::VenueState;
use tickwire::wire::{Compression, Encoding};
use tokio::time::timeout;

const SYMBOLS: &str = "binance:*";

/// How often the connection of one that is cut off breaks.
const CUTS: u32 = 4;

/// 1.6 KB/s: less than a tenth of what JSON would need.
const TRICKLE: Flow = Flow::Slow {
    bytes: 16,
    pause: Duration::from_millis(10),
};

type Rows = BTreeMap<String, Row>;

/// Every way of talking to the server.
fn ways() -> Vec<(Encoding, Compression)> {
    let both = [Compression::None, Compression::Deflate];
    Encoding::ALL.into_iter().flat_map(|e| both.map(|c| (e, c))).collect()
}

fn options(url: &str, (encoding, compression): (Encoding, Compression)) -> Options {
    let options = Options::new(url).expect("a URL");
    let options = options.encoding(encoding).compression(compression);
    // A slow one is silent for long while a frame trickles in: that is no lost connection.
    options.deadlines(LIMIT, LIMIT, LIMIT)
}

async fn subscriber(options: Options) -> Subscriber {
    let subscriber = Subscriber::new(options);
    subscriber.subscribe([SYMBOLS]).await.expect("a pattern");
    subscriber
}

async fn wait(subscriber: &Subscriber, what: &str, is_met: impl FnMut(&View) -> bool) {
    let met = timeout(LIMIT, subscriber.wait_until(is_met)).await;
    let view = || (subscriber.view().seq(), subscriber.view().venues().clone());
    met.unwrap_or_else(|_| panic!("not within {LIMIT:?}: {what}: {:?}", view()))
        .expect("it does not give up");
}

/// Whether the replay has ended and everything up to its end is known.
fn is_over(view: &View) -> bool {
    let mut venues = view.venues().values();
    view.is_complete() && venues.any(|v| v.state == VenueState::Down && v.reason == "replay ended")
}

async fn follow_to_the_end(subscriber: Subscriber) -> Rows {
    wait(&subscriber, "the end of the replay", is_over).await;
    let view = subscriber.view();
    assert_eq!((view.breaches(), view.losses()), (0, 0), "the seq rules were kept");
    view.dump()
}

/// Is cut off again and again, and comes back with nothing but what changed since.
async fn be_cut_off(mut subscriber: Subscriber, proxy: Proxy) -> Rows {
    let (mut done, mut lost) = (0, 0);
    while done <= CUTS {
        let notice = timeout(LIMIT, subscriber.next()).await.expect("something happens");
        match notice.expect("it does not give up") {
            Notice::SnapshotDone { resumed, seq, .. } => {
                assert_eq!(resumed, done > 0, "after {done} cuts");
                done += 1;
                if done <= CUTS {
                    let is_news = |view: &View| view.seq() > seq || is_over(view);
                    wait(&subscriber, "some news before the cut", is_news).await;
                    proxy.cut();
                }
            }
            Notice::Disconnected { .. } => lost += 1,
            _ => {}
        }
    }
    assert!(lost >= CUTS, "{lost} connections were lost");
    follow_to_the_end(subscriber).await
}

/// Reads slowly until told that the replay is over, then catches up.
async fn read_slowly(subscriber: Subscriber, proxy: Proxy, over: Subscriber) -> (Rows, u64) {
    wait(&over, "the end of the replay", is_over).await;
    proxy.set(Flow::Open);
    wait(&subscriber, "the end of the replay", is_over).await;
    let skipped = subscriber.view().skipped();
    (follow_to_the_end(subscriber).await, skipped)
}

/// All subscribers of one way of talking, with a word for each; the middle is when `half` updates were seen.
async fn matrix(server: &Server, way: (Encoding, Compression), half: u64) -> Vec<(String, Rows)> {
    let url = server.url();
    let slow_proxy = Proxy::start(server.addr, TRICKLE).await;
    let cut_proxy = Proxy::start(server.addr, Flow::Open).await;
    let from_start = subscriber(options(&url, way)).await;
    let over = subscriber(options(&url, way)).await;
    let slow = subscriber(options(&slow_proxy.url(), way)).await;
    let cut = subscriber(options(&cut_proxy.url(), way)).await;
    let paced = subscriber(options(&url, way).interval_ms(500)).await;
    let from_the_middle = async {
        let seen = |view: &View| view.iter().map(|t| t.update_count()).sum::<u64>();
        wait(&from_start, "half of the updates", |view| seen(view) >= half).await;
        let middle = subscriber(options(&url, way)).await;
        wait(&middle, "the snapshot", View::is_complete).await;
        follow_to_the_end(middle).await
    };
    let (middle, (slow, skipped), cut, paced) = tokio::join!(
        from_the_middle,
        read_slowly(slow, slow_proxy, over),
        be_cut_off(cut, cut_proxy),
        follow_to_the_end(paced),
    );
    let from_start = follow_to_the_end(from_start).await;
    eprintln!("{way:?}: the slow one had {skipped} beats skipped");
    // Text needs more than ten times what trickles in; only a capture that takes some seconds shows it.
    let is_long = half > 10_000 && way == (Encoding::Json, Compression::None);
    assert!(skipped > 0 || !is_long, "it was conflated");
    let views = [
        ("there from the start", from_start),
        ("joined in the middle", middle),
        ("read slowly", slow),
        ("cut off and resumed", cut),
        ("paced at 500 ms", paced),
    ];
    let named = views.into_iter().map(|(word, rows)| (format!("{word}, {way:?}"), rows));
    named.collect()
}

/// Plays a capture to all of them at once and compares everything with the truth.
async fn all_views_are_equal(capture: &Path, speed: &str) {
    let truth = truth::binance::of_capture(&captures::text(capture));
    let updates: u64 = truth.values().map(|row| row.update_count).sum();
    assert!(updates > 0, "the capture says something");
    let feed = captures::replay(capture, &format!("speed={speed}&start=first_subscriber"));
    let server = Server::start(&["--feed", &feed]);
    // Whoever only looks is no subscriber: nothing plays yet.
    let before = rows::snapshot(&server, SYMBOLS);
    assert_eq!((before.rows.len(), before.venues.len()), (0, 0));

    let mut views = Vec::new();
    let all = ways().into_iter().map(|way| matrix(&server, way, updates / 2));
    for part in futures_util::future::join_all(all).await {
        views.extend(part);
    }
    assert_eq!(views.len(), 30);
    for (word, rows) in &views {
        assert_eq!(rows, &truth, "{word}");
    }
    the_server_goes_on(&server, &truth).await;
}

/// After the replay: the values are held, the venue is down, and a newcomer gets all of it.
async fn the_server_goes_on(server: &Server, truth: &Rows) {
    let http = rows::snapshot(server, SYMBOLS);
    assert_eq!(&http.rows, truth, "/v1/snapshot");
    assert_eq!(http.venues["binance"], rows::played());
    server.page("/healthz");
    let late = subscriber(options(&server.url(), ways()[0])).await;
    wait(&late, "the snapshot", is_over).await;
    let (seq, epoch) = (late.view().seq(), late.view().epoch());
    // The server's own statistics move the seq.
    assert!(seq >= http.seq && epoch == Some(http.epoch));
    assert_eq!(&late.view().dump(), truth, "a newcomer");
    drop(late);
    eventually("all subscribers have gone", || {
        (server.metric("tickwire_subscribers", "") == 0.0).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_demo_recording_every_view_equals_what_its_text_says() {
    all_views_are_equal(&captures::demo(), "20").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_busy_capture_every_view_equals_what_its_text_says() {
    if let Some(capture) = captures::real("binance/spot_btcusdt_20240808.capture.gz") {
        all_views_are_equal(&capture, "50").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_quiet_capture_of_several_symbols_every_view_equals_what_its_text_says() {
    if let Some(capture) = captures::real("binance/spot_4symbols_20211012.capture.gz") {
        all_views_are_equal(&capture, "50").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_capture_played_without_waiting_every_view_equals_what_its_text_says() {
    if let Some(capture) = captures::real("binance/spot_4symbols_20211012.capture.gz") {
        all_views_are_equal(&capture, "max").await;
    }
}

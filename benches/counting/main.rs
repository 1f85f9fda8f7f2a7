//! What counting for the metrics costs the hot paths: the same work with handles that count into nothing, and with those
//! of the service's own recorder.
//!
//! Handles are made once, so two shards, engines or parsers stand beside each other, each made under its recorder; they
//! take the same beats and frames in turn, so that the machine's drift hits both. Nothing hides the counting: the shard's
//! sockets take everything at once, the engine has nobody to encode for.
//!
//! A regression means that something is counted by the subscriber, the instrument or the update where once a turn, a beat
//! or a batch would do, or that a handle is made where one should be kept. What both sides do is in neither ratio: the
//! shard's own sums, four additions a frame, and the looks at the clock for lags.
//!
//! On a core of an AMD EPYC: nothing that shows in a shard's turn; 30 ns a batch in the engine, its one histogram; 20 ns a
//! frame of a venue, two counters and the lag, and 30 ns more for each time that frames are handed over. Bounds are two
//! to three times the growth, for the machine's noise.
//!
//! `cargo bench --bench counting -- --once WORK nothing|service` does one work once, so that instructions can be counted,
//! which no other load changes: `valgrind --tool=callgrind --toggle-collect='*counted_work*'` before the bench's file.
//! A turn with 400 subscribers takes 565,600 with either; a frame of Binance 5,120 and 5,270, handed over one by one 5,260
//! and 5,610. (The engine's beat ends by the clock, so there they say nothing.)

#[path = "../measure/mod.rs"]
mod measure;
mod works;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use measure::{cpu_ns, finish, median, show, within};
use tickwire::monitor::{Reader, Recorder, names};
use works::{FanOut, Ingest, Intake, Work};

/// Pairs made anew: what lies where in memory is luck, the middle one is not.
const PAIRS: usize = 7;
const ROUNDS: usize = 100;
/// Rounds before the one whose instructions are counted.
const WARM_UP: usize = 5;

/// The one place where instructions are counted.
#[inline(never)]
fn counted_work(work: &mut dyn Work) -> usize {
    work.work()
}

/// The service's recorder, and what reads it.
struct Service {
    recorder: Recorder<PrometheusRecorder>,
    reader: Reader,
    handle: PrometheusHandle,
}

impl Service {
    fn new() -> Service {
        let buckets = |builder: PrometheusBuilder, (name, buckets): &(&str, &[f64])| {
            builder.set_buckets_for_metric(Matcher::Full((*name).to_owned()), buckets)
        };
        let builder = names::BUCKETS.iter().try_fold(PrometheusBuilder::new(), buckets);
        let inner = builder.expect("no list of buckets is empty").build_recorder();
        let handle = inner.handle();
        let (recorder, reader) = Recorder::new(inner);
        Service {
            recorder,
            reader,
            handle,
        }
    }
}

/// Whose handles a work has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Nothing,
    Service,
}

impl Side {
    fn with<T>(self, service: &Service, what: impl FnOnce() -> T) -> T {
        match self {
            Side::Nothing => metrics::with_local_recorder(&metrics::NoopRecorder, what),
            Side::Service => metrics::with_local_recorder(&service.recorder, what),
        }
    }
}

/// Nanoseconds a unit without counting and with it, and the second over the first.
fn compare(service: &Service, make: &dyn Fn() -> Box<dyn Work>) -> [f64; 3] {
    let mut figures: [Vec<f64>; 3] = Default::default();
    for pair in 0..PAIRS {
        let mut order = [Side::Nothing, Side::Service];
        order.rotate_left(pair % 2);
        let mut works = order.map(|side| (side, side.with(service, make), Vec::new()));
        for round in 0..ROUNDS {
            works.rotate_left(round % 2);
            for (side, work, costs) in &mut works {
                side.with(service, || {
                    work.prepare();
                    let start = cpu_ns();
                    let units = counted_work(work.as_mut());
                    costs.push((cpu_ns() - start) as f64 / units as f64);
                    work.tidy();
                });
            }
            service.handle.run_upkeep();
        }
        let cost = |side| {
            works
                .iter()
                .find(|(s, ..)| *s == side)
                .map(|(.., costs)| median(&mut costs.clone()))
        };
        let cost = |side| cost(side).expect("both are there");
        let (nothing, counting) = (cost(Side::Nothing), cost(Side::Service));
        for (all, figure) in figures.iter_mut().zip([nothing, counting, counting / nothing]) {
            all.push(figure);
        }
    }
    figures.map(|mut all| median(&mut all))
}

/// A work by name, its unit, and the bound of its ratio.
struct Plan {
    name: &'static str,
    says: &'static str,
    unit: &'static str,
    bound: f64,
    make: fn() -> Box<dyn Work>,
}

const PLANS: &[Plan] = &[
    // Little to write: what is counted by the subscriber shows most here.
    Plan {
        name: "fanout-small",
        says: "fan-out, 400 subscribers x 1 of 1000, 100k updates/s",
        unit: "subscriber",
        bound: 1.04,
        make: || Box::new(FanOut::new(1, 1_000)),
    },
    Plan {
        name: "fanout",
        says: "fan-out, 400 subscribers x 20 of 1000, 20k updates/s",
        unit: "subscriber",
        bound: 1.04,
        make: || Box::new(FanOut::new(20, 200)),
    },
    Plan {
        name: "fanout-busy",
        says: "fan-out, 400 subscribers x 20 of 1000, 100k updates/s",
        unit: "subscriber",
        bound: 1.04,
        make: || Box::new(FanOut::new(20, 1_000)),
    },
    Plan {
        name: "engine",
        says: "engine, 60k updates/s, 30 a batch",
        unit: "update",
        bound: 1.1,
        make: || Box::new(Ingest::new(20, 30)),
    },
    Plan {
        name: "engine-calm",
        says: "engine, 20k updates/s, each its own batch",
        unit: "update",
        bound: 1.3,
        make: || Box::new(Ingest::new(200, 1)),
    },
    Plan {
        name: "feed",
        says: "feed, Binance frames, 64 ready together",
        unit: "frame",
        bound: 1.15,
        make: || Box::new(Intake::new(64)),
    },
    Plan {
        name: "feed-calm",
        says: "feed, Binance frames one by one",
        unit: "frame",
        bound: 1.3,
        make: || Box::new(Intake::new(1)),
    },
];

impl Plan {
    fn run(&self, service: &Service) -> bool {
        let [nothing, counting, ratio] = compare(service, &|| (self.make)());
        show(&format!("{}: a {}", self.says, self.unit), nothing, "ns");
        show("  the same, counted", counting, "ns");
        within("  ratio", ratio, self.bound, "x")
    }

    /// One round of work on one side; instructions are counted from outside.
    fn once(&self, service: &Service, side: Side) {
        side.with(service, || {
            let mut work = (self.make)();
            for _ in 0..WARM_UP {
                work.prepare();
                work.work();
                work.tidy();
            }
            work.prepare();
            let units = counted_work(work.as_mut());
            println!("{}: units ({}) counted: {units}", self.says, self.unit);
        });
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let service = Service::new();
    if let Some(at) = args.iter().position(|a| a == "--once") {
        let asked = |n: usize| args.get(at + n).map_or("", String::as_str);
        let side = match asked(2) {
            "nothing" => Some(Side::Nothing),
            "service" => Some(Side::Service),
            _ => None,
        };
        let plan = PLANS.iter().find(|plan| plan.name == asked(1));
        let (Some(plan), Some(side)) = (plan, side) else {
            let known: Vec<&str> = PLANS.iter().map(|plan| plan.name).collect();
            println!("`--once WORK nothing|service`: works are {known:?}");
            std::process::exit(2);
        };
        return plan.once(&service, side);
    }
    println!("CPU time of one thread, medians of {PAIRS} pairs, {ROUNDS} rounds each");
    let ok = PLANS.iter().fold(true, |ok, plan| plan.run(&service) & ok);
    let counted = service.reader.read();
    assert!(counted.count(names::FRAMES, None) > 0 && counted.count(names::FEED_FRAMES, None) > 0);
    finish(ok);
}

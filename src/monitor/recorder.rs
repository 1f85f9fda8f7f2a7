//! Counts once for two readers: whatever renders the metrics, and this process itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, SharedString, Unit};

use super::spread::{Spans, Spread};

/// Hands everything to another recorder and keeps it readable: one more relaxed addition each.
pub struct Recorder<R> {
    inner: R,
    cells: Arc<Cells>,
}

/// Reads what was counted.
#[derive(Clone)]
pub struct Reader(Arc<Cells>);

/// All that was counted at one moment, by a metric's name and the value of its label, empty where it has none.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    counts: BTreeMap<(String, String), u64>,
    levels: BTreeMap<(String, String), f64>,
    spans: BTreeMap<(String, String), Spans>,
}

/// Made once for each name and label, so that whoever asks for a handle gets the same.
#[derive(Default)]
struct Cells {
    counters: Mutex<HashMap<Key, Arc<CounterCell>>>,
    gauges: Mutex<HashMap<Key, Arc<GaugeCell>>>,
    histograms: Mutex<HashMap<Key, Arc<HistogramCell>>>,
}

struct CounterCell {
    inner: Counter,
    own: AtomicU64,
}

struct GaugeCell {
    inner: Gauge,
    own: AtomicU64,
}

struct HistogramCell {
    inner: Histogram,
    own: Spread,
}

impl<R> Recorder<R> {
    /// Stands in front of a recorder.
    pub fn new(inner: R) -> (Recorder<R>, Reader) {
        let cells = Arc::new(Cells::default());
        let reader = Reader(cells.clone());
        (Recorder { inner, cells }, reader)
    }
}

impl<R: metrics::Recorder> metrics::Recorder for Recorder<R> {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.inner.describe_counter(key, unit, help);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.inner.describe_gauge(key, unit, help);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.inner.describe_histogram(key, unit, help);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        let make = || CounterCell {
            inner: self.inner.register_counter(key, metadata),
            own: AtomicU64::new(0),
        };
        Counter::from_arc(cell(&self.cells.counters, key, make))
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        let make = || GaugeCell {
            inner: self.inner.register_gauge(key, metadata),
            own: AtomicU64::new(0),
        };
        Gauge::from_arc(cell(&self.cells.gauges, key, make))
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        let make = || HistogramCell {
            inner: self.inner.register_histogram(key, metadata),
            own: Spread::default(),
        };
        Histogram::from_arc(cell(&self.cells.histograms, key, make))
    }
}

impl CounterFn for CounterCell {
    fn increment(&self, value: u64) {
        self.inner.increment(value);
        CounterFn::increment(&self.own, value);
    }

    fn absolute(&self, value: u64) {
        self.inner.absolute(value);
        CounterFn::absolute(&self.own, value);
    }
}

impl GaugeFn for GaugeCell {
    fn increment(&self, value: f64) {
        self.inner.increment(value);
        GaugeFn::increment(&self.own, value);
    }

    fn decrement(&self, value: f64) {
        self.inner.decrement(value);
        GaugeFn::decrement(&self.own, value);
    }

    fn set(&self, value: f64) {
        self.inner.set(value);
        GaugeFn::set(&self.own, value);
    }
}

impl HistogramFn for HistogramCell {
    fn record(&self, seconds: f64) {
        self.inner.record(seconds);
        // Every histogram here is of seconds; a span beyond 292 years is as good as that.
        self.own.add((seconds * 1e9) as i64);
    }
}

impl Reader {
    /// All that was counted so far.
    pub fn read(&self) -> Readings {
        let Cells {
            counters,
            gauges,
            histograms,
        } = &*self.0;
        Readings {
            counts: all(counters, |sum, cell| *sum += cell.own.load(Relaxed)),
            levels: all(gauges, |sum, cell| *sum += f64::from_bits(cell.own.load(Relaxed))),
            spans: all(histograms, |sum: &mut Spans, cell| sum.add(&cell.own.read())),
        }
    }
}

impl Readings {
    /// A counter with this label, or the sum over all labels.
    pub fn count(&self, name: &str, label: Option<&str>) -> u64 {
        of(&self.counts, name)
            .filter(|(found, _)| label.is_none_or(|label| label == *found))
            .map(|(_, count)| count)
            .sum()
    }

    /// A gauge with this label, empty for none; `None` where nobody has asked for it.
    pub fn level(&self, name: &str, label: &str) -> Option<f64> {
        self.levels.get(&(name.to_owned(), label.to_owned())).copied()
    }

    /// What a histogram with this label has measured; nothing where it does not exist.
    pub fn spans(&self, name: &str, label: &str) -> Spans {
        let found = self.spans.get(&(name.to_owned(), label.to_owned()));
        found.cloned().unwrap_or_default()
    }

    /// The labels of a counter or gauge.
    pub fn labels<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let counts = of(&self.counts, name).map(|(label, _)| label);
        counts.chain(of(&self.levels, name).map(|(label, _)| label))
    }
}

/// Entries of one name, with their labels.
fn of<'a, T: Clone>(all: &'a BTreeMap<(String, String), T>, name: &'a str) -> impl Iterator<Item = (&'a str, T)> + 'a {
    let from = all.range((name.to_owned(), String::new())..);
    from.take_while(move |((found, _), _)| found == name)
        .map(|((_, label), value)| (label.as_str(), value.clone()))
}

fn cell<T>(cells: &Mutex<HashMap<Key, Arc<T>>>, key: &Key, make: impl FnOnce() -> T) -> Arc<T> {
    let mut cells = lock(cells);
    if let Some(known) = cells.get(key) {
        return known.clone();
    }
    let new = Arc::new(make());
    cells.insert(key.clone(), new.clone());
    new
}

/// By name and first label; what further labels tell apart is put together.
fn all<T, V: Default>(cells: &Mutex<HashMap<Key, Arc<T>>>, add: impl Fn(&mut V, &T)) -> BTreeMap<(String, String), V> {
    let mut all = BTreeMap::new();
    for (key, cell) in lock(cells).iter() {
        let label = key.labels().next().map(|label| label.value().to_owned());
        let sum = all.entry((key.name().to_owned(), label.unwrap_or_default()));
        add(sum.or_default(), cell);
    }
    all
}

fn lock<T>(cells: &Mutex<T>) -> MutexGuard<'_, T> {
    cells.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn both_readers_see_the_same_and_every_handle_of_a_name_counts_in_one_place() {
        let prometheus = PrometheusBuilder::new().build_recorder();
        let handle = prometheus.handle();
        let (recorder, reader) = Recorder::new(prometheus);
        metrics::with_local_recorder(&recorder, || {
            for venue in ["a", "b", "a"] {
                metrics::counter!("frames", "venue" => venue).increment(2);
            }
            metrics::counter!("frames_of_all").absolute(9);
            metrics::gauge!("level").increment(3.0);
            metrics::gauge!("level").decrement(1.0);
            metrics::histogram!("span", "hop" => "x").record(-0.5);
        });
        let now = reader.read();
        assert_eq!((now.count("frames", Some("a")), now.count("frames", None)), (4, 6));
        assert_eq!((now.count("frames_of_all", None), now.count("other", None)), (9, 0));
        assert_eq!(now.labels("frames").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((now.level("level", ""), now.level("level", "a")), (Some(2.0), None));
        let spans = now.spans("span", "x");
        assert!(
            spans.len() == 1
                && spans
                    .percentile(50)
                    .is_some_and(|ns| (-530_000_000..=-470_000_000).contains(&ns))
        );
        assert!(now.spans("span", "y").is_empty());
        metrics::with_local_recorder(&recorder, || {
            for kind in ["x", "y"] {
                metrics::counter!("two", "venue" => "a", "kind" => kind).increment(2);
                metrics::gauge!("two_level", "venue" => "a", "kind" => kind).set(1.5);
                metrics::histogram!("two_span", "venue" => "a", "kind" => kind).record(0.5);
            }
        });
        let now = reader.read();
        assert_eq!(
            (now.count("two", Some("a")), now.level("two_level", "a")),
            (4, Some(3.0))
        );
        assert_eq!(
            now.spans("two_span", "a").len(),
            2,
            "a second label tells nothing apart here"
        );
        let text = handle.render();
        for line in [
            "frames{venue=\"a\"} 4",
            "frames_of_all 9",
            "level 2",
            "span_count{hop=\"x\"} 1",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}

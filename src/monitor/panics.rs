//! Panics are bugs: each is counted, wherever it is caught.

use std::panic;
use std::sync::Once;

use super::names;

/// Counts panics from now on, beside what is said of them already: their words and place, on stderr.
///
/// What runs on the runtime ends alone, and nobody asks how a task ended: without the count it would be seen by nobody.
pub fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // It stands among the metrics before there is one.
        let counter = || metrics::counter!(names::PANICS);
        counter().increment(0);
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            counter().increment(1);
            before(info);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;

    #[test]
    fn a_panic_that_is_caught_was_counted() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let count = |text: String| {
            let lines = text.lines().filter(|line| line.starts_with(names::PANICS));
            lines
                .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
                .sum::<f64>()
        };
        metrics::with_local_recorder(&recorder, || {
            count_panics();
            assert_eq!(count(recorder.handle().render()), 0.0);
            for panics in 1..=2 {
                panic::catch_unwind(|| panic!("a bug")).expect_err("it panics");
                assert_eq!(count(recorder.handle().render()), f64::from(panics));
            }
        });
    }
}

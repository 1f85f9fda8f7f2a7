// What the monitor shows: which statistics stand in which plot, in which unit, and from where on they are a worry.

const perSecond = { unit: "/s", factor: 1 };
const bytes = { unit: "KiB/s", factor: 1 / 1_024 };
const span = { unit: "ms", factor: 1 / 1_000 };

/** The name of a statistic of a venue, between its parts. */
const VENUE = /^venue\.(.+)\.updates_per_s$/;

/** `lines` are `[statistic, label]`, or a function that finds them among all names. `warn` and `bad` are in the plot's unit. */
export const PANELS = [
  { title: "Updates in, by venue", ...perSecond, lines: (names) => names.map((name) => [name, VENUE.exec(name)?.[1]]).filter(([, venue]) => venue) },
  { title: "Frames out", ...perSecond, lines: [["frames_per_s", "frames"], ["built_frames_per_s", "built"]] },
  { title: "Entries out", ...perSecond, lines: [["entries_per_s", "entries"]] },
  { title: "Bytes out", ...bytes, lines: [["bytes_per_s", "bytes"]] },
  { title: "Subscribers", unit: "", factor: 1, lines: [["subscribers", "all"], ["slow_subscribers", "slow"]], warn: { line: "slow_subscribers", at: 1 } },
  { title: "Skipped and held beats", ...perSecond, lines: [["skipped_beats_per_s", "skipped"], ["held_beats_per_s", "held"], ["late_beats_per_s", "late"]], warn: { line: "late_beats_per_s", at: 1 }, bad: { line: "late_beats_per_s", at: 10 } },
  { title: "Errors", ...perSecond, lines: [["errors_per_s", "errors"]], warn: { line: "errors_per_s", at: 0.1 }, bad: { line: "errors_per_s", at: 10 } },
  { title: "Lag per hop, 99 of 100", ...span, lines: [["hop.feed_p99_us", "feed"], ["hop.queue_p99_us", "queue"], ["hop.beat_p99_us", "beat"], ["hop.write_p99_us", "write"]], warn: { line: "hop.queue_p99_us", at: 20 }, bad: { line: "hop.queue_p99_us", at: 100 } },
  { title: "Beat duration", ...span, lines: [["beat_p50_us", "half"], ["beat_p99_us", "99 of 100"]], warn: { line: "beat_p99_us", at: 5 }, bad: { line: "beat_p99_us", at: 10 } },
  { title: "Venue to server, 99 of 100", ...span, lines: (names) => names.map((name) => [name, /^venue\.(.+)\.lag_p99_us$/.exec(name)?.[1]]).filter(([, venue]) => venue) },
  { title: "CPU, of one core", unit: "%", factor: 1, lines: [["cpu_percent", "process"]] },
  { title: "Memory", unit: "MiB", factor: 1 / 1_048_576, lines: [["resident_bytes", "resident"]] },
];

/** What a value is worth: nothing said, `warn` or `bad`. */
export function levelOf(panel, name, value) {
  const reaches = (limit) => limit?.line === name && value >= limit.at;
  return reaches(panel.bad) ? "bad" : reaches(panel.warn) ? "warn" : "";
}

// What the monitor shows: which statistics stand in which plot, in which unit, and from where on they are a worry.

const PER_SECOND = { unit: "/s", factor: 1 };
const KIB_PER_SECOND = { unit: "KiB/s", factor: 1 / 1_024 };
const MS = { unit: "ms", factor: 1 / 1_000 };

/** Finds a statistic of every venue: `["venue.kraken.gaps_per_s", "kraken"]`. */
const byVenue = (statistic) => (names) =>
  names
    .filter((name) => name.startsWith("venue.") && name.endsWith(`.${statistic}`))
    .map((name) => [name, name.slice("venue.".length, -statistic.length - 1)]);

/**
 * `lines` are `[statistic, label]`, or a function that finds them among all names. `warn` and `bad` are in the plot's unit; one of
 * a line that shares its plot with far larger ones colours its value and is not drawn.
 */
export const PANELS = [
  { title: "Updates in, by venue", ...PER_SECOND, lines: byVenue("updates_per_s") },
  { title: "Frames out", ...PER_SECOND, lines: [["frames_per_s", "frames"], ["built_frames_per_s", "built"]] },
  { title: "Entries out", ...PER_SECOND, lines: [["entries_per_s", "entries"]] },
  { title: "Bytes out", ...KIB_PER_SECOND, lines: [["bytes_per_s", "bytes"]] },
  {
    title: "Subscribers", unit: "", factor: 1,
    lines: [["subscribers", "all"], ["slow_subscribers", "slow"]],
    warn: { line: "slow_subscribers", at: 1, isUndrawn: true },
  },
  {
    title: "Skipped and held beats", ...PER_SECOND,
    lines: [["skipped_beats_per_s", "skipped"], ["held_beats_per_s", "held"], ["late_beats_per_s", "late"]],
    warn: { line: "late_beats_per_s", at: 1 },
    bad: { line: "late_beats_per_s", at: 10 },
  },
  {
    title: "Errors", ...PER_SECOND,
    lines: [["errors_per_s", "errors"]],
    warn: { line: "errors_per_s", at: 0.1 },
    bad: { line: "errors_per_s", at: 10 },
  },
  {
    title: "Lag per hop, 99 of 100", ...MS,
    lines: [["hop.feed_p99_us", "feed"], ["hop.queue_p99_us", "queue"], ["hop.beat_p99_us", "beat"], ["hop.write_p99_us", "write"]],
    // Two beats and ten.
    warn: { line: "hop.queue_p99_us", at: 20 },
    bad: { line: "hop.queue_p99_us", at: 100 },
  },
  {
    title: "Beat duration", ...MS,
    lines: [["beat_p50_us", "half"], ["beat_p99_us", "99 of 100"]],
    // Half of a beat and a whole one, of which some are then left out.
    warn: { line: "beat_p99_us", at: 5 },
    bad: { line: "beat_p99_us", at: 10 },
  },
  { title: "Venue to server, 99 of 100", ...MS, lines: byVenue("lag_p99_us") },
  { title: "CPU, of one core", unit: "%", factor: 1, lines: [["cpu_percent", "process"]] },
  { title: "Memory", unit: "MiB", factor: 1 / 1_048_576, lines: [["resident_bytes", "resident"]] },
];

/** What a value is worth: nothing said, `warn` or `bad`. */
export function levelOf(panel, name, value) {
  const reaches = (limit) => limit?.line === name && value >= limit.at;
  return reaches(panel.bad) ? "bad" : reaches(panel.warn) ? "warn" : "";
}

// What the monitor shows: which statistics stand in which plot, in which unit, what they mean, and from where on they are a worry.

const PER_SECOND = { unit: "/s", factor: 1 };
const KIB_PER_SECOND = { unit: "KiB/s", factor: 1 / 1_024 };
const MS = { unit: "ms", factor: 1 / 1_000 };

/** Finds a statistic of every venue: `["venue.kraken.gaps_per_s", "kraken"]`. */
const byVenue = (statistic) => (names) =>
  names
    .filter((name) => name.startsWith("venue.") && name.endsWith(`.${statistic}`))
    .map((name) => [name, name.slice("venue.".length, -statistic.length - 1)]);

/**
 * `lines` are `[statistic, label]`, or a function that finds them among all names. `help` says what it is. `warn` and `bad` are in
 * the plot's unit; one of a line that shares its plot with far larger ones colours its value and is not drawn.
 */
export const PANELS = [
  {
    title: "Updates in, by venue", ...PER_SECOND, lines: byVenue("updates_per_s"),
    help: "Changes of price, size or state that a venue sent and the server took in.",
  },
  {
    title: "Frames out", ...PER_SECOND, lines: [["frames_per_s", "frames"], ["built_frames_per_s", "built"]],
    help: "Messages written to subscribers. Subscribers that want the same share one that is built once.",
  },
  { title: "Entries out", ...PER_SECOND, lines: [["entries_per_s", "entries"]], help: "Instruments in those messages: one message holds all that changed in a beat." },
  { title: "Bytes out", ...KIB_PER_SECOND, lines: [["bytes_per_s", "bytes"]], help: "Size of those messages, with their headers." },
  {
    title: "Subscribers", unit: "", factor: 1,
    lines: [["subscribers", "all"], ["slow_subscribers", "slow"]],
    help: "Connected over WebSocket. A slow one takes no more now; it gets the newest values later.",
    warn: { line: "slow_subscribers", at: 1, isUndrawn: true },
  },
  {
    title: "Skipped, held and late beats", ...PER_SECOND,
    lines: [["skipped_beats_per_s", "skipped"], ["held_beats_per_s", "held"], ["late_beats_per_s", "late"]],
    help: "Of 100 beats a second. Skipped: for slow subscribers. Held: sending was behind. Late: the beat before took too long.",
    warn: { line: "late_beats_per_s", at: 1 },
    bad: { line: "late_beats_per_s", at: 10 },
  },
  {
    title: "Errors", ...PER_SECOND,
    lines: [["errors_per_s", "errors"]],
    help: "Requests refused, venues' messages not understood, lost or damaged, values not held, events not recorded.",
    warn: { line: "errors_per_s", at: 0.1 },
    bad: { line: "errors_per_s", at: 10 },
  },
  {
    title: "Lag in the server, p99", ...MS,
    lines: [["hop.feed_p99_us", "feed"], ["hop.queue_p99_us", "queue"], ["hop.beat_p99_us", "beat"], ["hop.write_p99_us", "write"]],
    help: "An update's way, hop by hop: read and parsed (feed), waits for the beat (queue), encoded (beat), written to all (write).",
    // Two beats and ten.
    warn: { line: "hop.queue_p99_us", at: 20 },
    bad: { line: "hop.queue_p99_us", at: 100 },
  },
  {
    title: "Beat duration", ...MS,
    lines: [["beat_p50_us", "p50"], ["beat_p99_us", "p99"]],
    help: "Work of one beat, of which there is one every 10 ms: one that takes longer leaves others out.",
    // Half of a beat and a whole one, of which some are then left out.
    warn: { line: "beat_p99_us", at: 5 },
    bad: { line: "beat_p99_us", at: 10 },
  },
  {
    title: "Lag of venues, p99", ...MS, lines: byVenue("lag_p99_us"),
    help: "From the venue's own stamp to this server: the way through the net, and how far both clocks differ. Below 0 the venue's is ahead.",
  },
  { title: "CPU, of one core", unit: "%", factor: 1, lines: [["cpu_percent", "process"]], help: "Time of all threads; 100 % is one core, so more is possible." },
  { title: "Memory", unit: "MiB", factor: 1 / 1_048_576, lines: [["resident_bytes", "resident"]], help: "What the process holds of the machine's memory." },
];

/** The limits of a plot: the word at its line, where it stands and in which colour. */
export const limitsOf = ({ warn, bad }) =>
  [["warning", warn, "warn"], ["bad", bad, "down"]].filter(([, limit]) => limit).map(([word, limit, colour]) => ({ word, colour, ...limit }));

/** What a plot is, and its limits. */
export function wordsOf(panel) {
  const limits = limitsOf(panel);
  if (limits.length === 0) return panel.help;
  const { line } = limits[0];
  const [, label] = panel.lines.find(([name]) => name === line);
  const steps = limits.map(({ word, at }) => `${word} from ${at}${panel.unit.startsWith("/") ? panel.unit : panel.unit && ` ${panel.unit}`}`);
  return `${panel.help} Limits of ${label}: ${steps.join(", ")}.`;
}

/** What a value is worth: nothing said, `warn` or `bad`. */
export function levelOf(panel, name, value) {
  const reaches = (limit) => limit?.line === name && value >= limit.at;
  return reaches(panel.bad) ? "bad" : reaches(panel.warn) ? "warn" : "";
}

/**
 * The names without those of a venue that is none: one of which no feed tells a state and which never brought an update. What is
 * pushed to the server is counted as such a one until somebody pushes. `isAny(name)` says whether a statistic was ever above 0.
 */
export function withoutPhantoms(names, isAny) {
  const told = new Set(names);
  const isPhantom = (venue) => !told.has(`venue.${venue}.state`) && !isAny(`venue.${venue}.updates_per_s`);
  return names.filter((name) => {
    const venue = /^venue\.(.+)\.[^.]+$/.exec(name)?.[1];
    return venue === undefined || !isPhantom(venue);
  });
}

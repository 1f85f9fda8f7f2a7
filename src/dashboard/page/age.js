// How old values are: by the venue's own stamp, else by the server's; and where neither tells, that it is not known. An age is
// always one of the time of day now. Of what is replayed it is the time since it was replayed: the recording's own time stands in
// the replay bar, and nowhere else. A feed that replays says so to nobody: its stamps are known by their age.

import { agoOf } from "./words.js";

/** The newest entry brought a stamp of the venue, and not only one before it. */
const isStamped = ({ tsMs, eventAgeMs, tsEventMs }) => eventAgeMs !== undefined && tsMs - eventAgeMs === tsEventMs;

/** A stamp so old is a recording's, unless its venue has told a fresh one: what is delayed or seldom traded is younger, or comes so. */
const RECORDED_MS = 86_400_000;

export class Ages {
  constructor(now = Date.now) {
    this.now = now;
    /** The server's stamps are a recording's time: when a value came is what this page has seen. */
    this.isTape = false;
    /** The venues' stamps are a recording's; null until the server has said. */
    this.isReplay = null;
    this.given = new WeakMap();
    this.seen = new WeakMap();
    /** Venues whose stamps are of now. */
    this.fresh = new Set();
  }

  /** Another epoch may be another recording's, or none's. */
  forget() {
    this.fresh.clear();
  }

  /** Whether the venues' stamps can be held against the time of now. */
  get isOneClock() {
    return !this.isTape && this.isReplay === false;
  }

  /** Takes what a snapshot brought: its stamp is that of the answer, whenever the values came. */
  settle(instruments) {
    for (const instrument of instruments) this.given.set(instrument, instrument.tsMs);
  }

  /** Whether an age by the venue's stamps, as its values have it, is one of now. */
  isOfNow(instrument, ageMs) {
    return this.isOneClock && (Math.abs(ageMs) < RECORDED_MS || this.fresh.has(instrument.venue));
  }

  /** Notes what an instrument's newest entry says of its venue's clock, and when it was first seen, where no stamp says it. */
  see(instrument) {
    if (!instrument) return;
    const isNews = this.given.get(instrument) !== instrument.tsMs;
    if (isNews && isStamped(instrument) && Math.abs(instrument.eventAgeMs) < RECORDED_MS) this.fresh.add(instrument.venue);
    if (!this.isTape) return;
    if (this.seen.get(instrument)?.tsMs !== instrument.tsMs) this.seen.set(instrument, { tsMs: instrument.tsMs, atMs: this.now() });
  }

  /** How long ago the server told the newest value. */
  toldMs(instrument) {
    this.see(instrument);
    return this.isTape ? this.now() - this.seen.get(instrument).atMs : instrument.ageMs;
  }

  /** The age by the venue's stamp, where there is one of now. */
  #stampedMs(instrument) {
    if (!isStamped(instrument)) return undefined;
    const ms = instrument.ageMs + instrument.eventAgeMs;
    return this.isOfNow(instrument, ms) ? ms : undefined;
  }

  /** The age of the newest value in milliseconds, as far as it is known. */
  msOf(instrument) {
    return this.#stampedMs(instrument) ?? this.toldMs(instrument);
  }

  /** The age in seconds, which are what is written: those that look alike are alike. */
  stepOf(instrument) {
    const ms = this.msOf(instrument);
    return ms < 2_000 ? 0 : Math.floor(ms / 1_000);
  }

  /** The age of the newest value as a text, and what there is to say about it. */
  of(instrument) {
    const stampedMs = this.#stampedMs(instrument);
    if (stampedMs !== undefined) return { text: agoOf(stampedMs), title: "By the venue's stamp" };
    const text = agoOf(this.toldMs(instrument));
    const isReplayed = this.isTape || this.isReplay || (this.isOneClock && isStamped(instrument));
    const title = isReplayed ? "Since it was replayed" : "By the server's stamp";
    if (this.given.get(instrument) !== instrument.tsMs) return { text, title };
    return { text: text === "now" ? "" : `≥ ${text}`, title: "It was there before this page asked, without a stamp of the venue" };
  }
}

// How old values are: by the venue's own stamp, else by the server's; and where neither tells, that it is not known. An age is
// always one of the time of day now. Of what is replayed it is the time since it was replayed: the recording's own time stands in
// the replay bar, and nowhere else.

import { agoOf } from "./words.js";

/** The newest entry brought a stamp of the venue, and not only one before it. */
const isStamped = ({ tsMs, eventAgeMs, tsEventMs }) => eventAgeMs !== undefined && tsMs - eventAgeMs === tsEventMs;

export class Ages {
  constructor(now = Date.now) {
    this.now = now;
    /** The server's stamps are a recording's time: when a value came is what this page has seen. */
    this.isTape = false;
    /** The venues' stamps are a recording's; null until the server has said. */
    this.isReplay = null;
    this.given = new WeakMap();
    this.seen = new WeakMap();
  }

  /** Whether the venues' stamps can be held against the time of now. */
  get isOneClock() {
    return !this.isTape && this.isReplay === false;
  }

  /** Takes what a snapshot brought: its stamp is that of the answer, whenever the values came. */
  settle(instruments) {
    for (const instrument of instruments) this.given.set(instrument, instrument.tsMs);
  }

  /** Notes when an instrument's newest entry was first seen, where no stamp says it. */
  see(instrument) {
    if (!this.isTape || !instrument) return;
    if (this.seen.get(instrument)?.tsMs !== instrument.tsMs) this.seen.set(instrument, { tsMs: instrument.tsMs, atMs: this.now() });
  }

  /** How long ago the server told the newest value. */
  toldMs(instrument) {
    this.see(instrument);
    return this.isTape ? this.now() - this.seen.get(instrument).atMs : instrument.ageMs;
  }

  /** The age of the newest value in milliseconds, as far as it is known. */
  msOf(instrument) {
    return this.isOneClock && isStamped(instrument) ? instrument.ageMs + instrument.eventAgeMs : this.toldMs(instrument);
  }

  /** The age in seconds, which are what is written: those that look alike are alike. */
  stepOf(instrument) {
    const ms = this.msOf(instrument);
    return ms < 2_000 ? 0 : Math.floor(ms / 1_000);
  }

  /** The age of the newest value as a text, and what there is to say about it. */
  of(instrument) {
    const text = agoOf(this.msOf(instrument));
    if (this.isOneClock && isStamped(instrument)) return { text, title: "By the venue's stamp" };
    const title = this.isTape || this.isReplay ? "Since it was replayed" : "By the server's stamp";
    if (this.given.get(instrument) !== instrument.tsMs) return { text, title };
    return { text: text === "now" ? "" : `≥ ${text}`, title: "It was there before this page asked, without a stamp of the venue" };
  }
}

// How old values are: by the venue's own stamp, else by the server's; and where neither tells, that it is not known.

import { agoOf } from "./words.js";

/** The newest entry brought a stamp of the venue, and not only one before it. */
const isStamped = ({ tsMs, eventAgeMs, tsEventMs }) => eventAgeMs !== undefined && tsMs - eventAgeMs === tsEventMs;

export class Ages {
  constructor() {
    /** The server's stamps are a recording's time, so nobody knows what is now. */
    this.isTape = false;
    /** The venues' stamps are a recording's; null until the server has said. */
    this.isReplay = null;
    this.given = new WeakMap();
  }

  /** Whether the venues' stamps can be held against the time of now. */
  get isOneClock() {
    return !this.isTape && this.isReplay === false;
  }

  /** Takes what a snapshot brought: its stamp is that of the answer, whenever the values came. */
  settle(instruments) {
    for (const instrument of instruments) this.given.set(instrument, instrument.tsMs);
  }

  /** The age of the newest value as a text, and what there is to say about it. */
  of(instrument) {
    if (this.isTape) return { text: "", title: "On a recording's clock there is no age" };
    if (this.isOneClock && isStamped(instrument)) return { text: agoOf(instrument.ageMs + instrument.eventAgeMs), title: "By the venue's stamp" };
    const text = agoOf(instrument.ageMs);
    if (this.given.get(instrument) !== instrument.tsMs) return { text, title: "By the server's stamp" };
    return { text: text === "now" ? "" : `≥ ${text}`, title: "It was there before this page asked, without a stamp of the venue" };
  }
}

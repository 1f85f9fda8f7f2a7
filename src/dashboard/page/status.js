// What is always visible: the connection, the venues, lag and skipped beats. A loss says since when, and when it is tried again.

import { agoOf, clockOf, countOf, figureOf, spanOf } from "./words.js";

const byId = (id) => document.getElementById(id);

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Says something to those who listen to the page; edges only. */
export function announce(text) {
  write(byId("announcer"), text);
}

/** Long enough to read a few lines twice. */
const NOTICE_MS = 20_000;
let noticeTimer = 0;

/** A word about what the page could not do; it goes by itself. */
export function notice(text) {
  clearTimeout(noticeTimer);
  write(byId("notice"), text);
  byId("notice").hidden = text === "";
  if (text !== "") noticeTimer = setTimeout(() => notice(""), NOTICE_MS);
}

export class Status {
  constructor() {
    this.chips = new Map();
    this.since = Date.now();
    this.retryAt = 0;
    this.detail = null;
    this.before = null;
    this.wasLive = false;
    /** How the trouble began: the state, and why. */
    this.cause = null;
  }

  /** The connection's state is another one. */
  show(detail) {
    const now = Date.now();
    // From silent to lost to trying again it is one trouble, and its beginning is what counts.
    const wasTrouble = this.detail && this.detail.state !== "live";
    if (!wasTrouble || detail.state === "live") {
      this.since = now;
      this.cause = detail;
    }
    this.wasLive ||= detail.state === "live";
    const isEdge = this.detail?.state !== detail.state;
    this.detail = detail;
    this.retryAt = detail.retryInMs === undefined ? 0 : now + detail.retryInMs;
    document.body.dataset.connection = detail.state;
    byId("connection").dataset.state = detail.state;
    write(byId("connection"), detail.state === "stale" ? "silent" : detail.state);
    byId("connection").title = detail.reason;
    if (isEdge) announce(`connection ${detail.state}${detail.reason ? `: ${detail.reason}` : ""}`);
    this.tick();
  }

  /** The banner of a connection that is not live; often enough for a countdown. */
  tick() {
    const { state, reason } = this.detail ?? {};
    const banner = byId("banner");
    banner.hidden = state === undefined || state === "live";
    if (banner.hidden) return;
    byId("banner-retry").hidden = state !== "lost" && state !== "closed";
    const now = Date.now();
    if (!this.wasLive) return write(byId("banner-text"), state === "connecting" ? "Connecting." : `No connection: ${reason}. ${this.next(now)}`);
    const since = `since ${clockOf(this.since)}${now - this.since < 2_000 ? "" : ` (${agoOf(now - this.since)})`}`;
    write(byId("banner-text"), `${this.trouble(since)}. What is shown is old. ${this.next(now)}`.trim());
  }

  /** What began the trouble stays its name, whatever came of it. */
  trouble(since) {
    const { state, reason } = this.detail;
    const because = (words) => (words ? `: ${words}` : "");
    const newest = reason && reason !== this.cause.reason ? `; newest word: ${reason}` : "";
    if (state === "closed") return `The connection was given up ${since}${because(reason)}`;
    if (this.cause.state !== "stale") return `Connection lost ${since}${because(this.cause.reason)}${newest}`;
    if (state === "stale") return `The server is silent ${since}${because(reason)}`;
    return `The server fell silent, and the connection was given up: silent ${since}${newest}`;
  }

  /** What happens next, in words. */
  next(now) {
    const { state } = this.detail;
    if (state === "connecting") return "Trying again.";
    if (state !== "lost") return "";
    return this.retryAt > now ? `Trying again in ${Math.ceil((this.retryAt - now) / 1_000)} s.` : "Trying again.";
  }

  /** `isTape`: what a venue's state is told since is a recording's time, which nobody reads here as a time of day. */
  venues(venues, isTape) {
    for (const venue of venues.values()) {
      let chip = this.chips.get(venue.name);
      if (!chip) {
        chip = document.createElement("li");
        this.chips.set(venue.name, chip);
        byId("venues").append(chip);
      }
      if (venue.name.startsWith("$")) chip.hidden = true;
      chip.dataset.state = venue.state;
      write(chip, venue.state === "up" ? venue.name : `${venue.name} ${venue.state}${venue.reason ? `: ${venue.reason}` : ""}`);
      const since = venue.sinceMs === undefined || isTape ? "" : ` since ${clockOf(venue.sinceMs)}`;
      chip.title = `${venue.name} ${venue.state}${since}${venue.reason ? `: ${venue.reason}` : ""}`;
    }
    for (const [name, chip] of this.chips) {
      if (venues.has(name)) continue;
      chip.remove();
      this.chips.delete(name);
    }
  }

  /** Once a second: what the client counts. */
  figures(stats) {
    const now = performance.now();
    const seconds = this.before ? (now - this.before.at) / 1_000 : 0;
    const rate = (name) => (seconds > 0 ? Math.max(0, stats[name] - this.before[name]) / seconds : NaN);
    const isTape = stats.clock === "tape";
    const isLive = this.detail?.state === "live";
    write(byId("lag"), !isLive ? "–" : isTape ? "tape's clock" : stats.lagMs < 1 ? "< 1 ms" : spanOf(stats.lagMs));
    byId("lag").dataset.level = !isLive || isTape || !(stats.lagMs > 250) ? "" : stats.lagMs > 1_000 ? "bad" : "warn";
    write(byId("skipped"), countOf(stats.skippedBeats));
    byId("skipped").dataset.level = this.before && stats.skippedBeats > this.before.skippedBeats ? "warn" : "";
    write(byId("rate"), `${countOf(rate("entries"))}/s`);
    write(byId("bytes"), `${figureOf(rate("bytes") / 1_024)} KiB/s`);
    const { entries, bytes, skippedBeats } = stats;
    this.before = { at: now, entries, bytes, skippedBeats };
  }

  /** Another connection counts from nothing. */
  forget() {
    this.before = null;
  }
}

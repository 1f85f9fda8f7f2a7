// The replay bar: where a replay is, and its controls. It is there only where the server replays something.

import { asReader } from "./signin.js";

const POLL_MS = 500;
/** Places of the slider; finer than any screen has pixels. */
const STEPS = 10_000n;

const byId = (id) => document.getElementById(id);

function write(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

/** A server that stands still answers nothing. */
const ANSWER_MS = 3_000;

const isLive = () => document.body.dataset.connection === "live";

async function ask(init) {
  const answer = await fetch("/v1/replay", asReader({ ...init, signal: AbortSignal.timeout(ANSWER_MS) }));
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error?.message ?? `status ${answer.status}`);
  return body;
}

/** A recording's time of day, in UTC like the recording: "2026-01-02 00:00:07.50". */
function timeOf(ns) {
  return new Date(Number(ns / 1_000_000n)).toISOString().replace("T", " ").slice(0, 22);
}

export class ReplayBar {
  /** `onAnswer` is told whether the server replays something, as often as it is asked. */
  constructor(onAnswer) {
    this.onAnswer = onAnswer;
    this.status = null;
    /** The slider is a person's, not the replay's. */
    this.isSeeking = false;
    /** It was put somewhere, and the server has not answered yet. */
    this.isAsking = false;
    this.timer = 0;
    byId("replay-play").addEventListener("click", () => this.drive(this.status?.state === "paused" ? { resume: true } : { pause: true }));
    byId("replay-step").addEventListener("click", () => this.drive({ step: 1 }));
    byId("replay-step-more").addEventListener("click", () => this.drive({ step: 100 }));
    byId("replay-speed").addEventListener("change", ({ target }) => {
      this.drive({ speed: target.value === "max" ? "max" : Number(target.value) });
    });
    const slider = byId("replay-position");
    slider.max = String(STEPS);
    slider.addEventListener("input", () => {
      this.isSeeking = true;
      write("replay-time", timeOf(this.sought()));
    });
    slider.addEventListener("change", () => this.seek());
    // One that was moved and put back tells of no change; where there is one, it is told before the timer.
    const letGo = () => setTimeout(() => { this.isSeeking &&= this.isAsking; });
    for (const end of ["blur", "keyup"]) slider.addEventListener(end, letGo);
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, letGo);
    document.addEventListener("visibilitychange", () => this.poll());
  }

  /** Looks whether this server replays anything; after each new connection it may be another server. */
  async look() {
    let isReplay = false;
    try {
      const answer = await fetch("/v1/status", asReader({ signal: AbortSignal.timeout(ANSWER_MS) }));
      isReplay = answer.ok && (await answer.json()).replay !== undefined;
      this.onAnswer(isReplay);
    } catch {
      // The next connection looks again.
    }
    byId("replay").hidden = !isReplay;
    if (!isReplay) this.status = null;
    this.poll();
  }

  /** The moment the slider points at. */
  sought() {
    const [first, last] = [BigInt(this.status.first), BigInt(this.status.last)];
    return first + ((last - first) * BigInt(byId("replay-position").value)) / STEPS;
  }

  async poll() {
    clearTimeout(this.timer);
    if (byId("replay").hidden || document.hidden) return;
    try {
      // A server that is not there is asked by the connection, and nobody else.
      const status = isLive() ? await ask() : null;
      if (status && isLive()) this.show(status);
      else this.dim();
    } catch {
      this.dim();
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.poll(), POLL_MS);
  }

  /** Where the replay is now is not known, and nothing can drive it. */
  dim() {
    byId("replay-controls").disabled = true;
    byId("replay").dataset.state = "unknown";
    write("replay-state", "not known");
  }

  async seek() {
    this.isAsking = true;
    await this.drive({ seek: String(this.sought()) });
    this.isAsking = false;
  }

  async drive(command) {
    try {
      this.show(await ask({ method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(command) }));
      write("replay-problem", "");
    } catch (error) {
      write("replay-problem", error.message);
    }
    this.isSeeking = false;
  }

  show(status) {
    this.status = status;
    const isPaused = status.state === "paused";
    write("replay-state", status.state);
    byId("replay").dataset.state = status.state;
    write("replay-play", isPaused ? "Resume" : "Pause");
    write("replay-pass", status.pass > 1 ? `pass ${status.pass}` : "");
    byId("replay-controls").disabled = status.refused !== undefined;
    if (status.refused !== undefined) write("replay-problem", status.refused);
    const speed = byId("replay-speed");
    if (document.activeElement !== speed) this.showSpeed(speed, String(status.speed));
    if (this.isSeeking) return;
    const [first, last, at] = [status.first, status.last, status.position].map(BigInt);
    const position = byId("replay-position");
    position.value = last > first ? String(((at - first) * STEPS) / (last - first)) : "0";
    position.setAttribute("aria-valuetext", timeOf(at));
    write("replay-time", timeOf(at));
    write("replay-end", timeOf(last));
  }

  /** A speed set elsewhere may be none of those offered. */
  showSpeed(select, value) {
    if (![...select.options].some((option) => option.value === value)) {
      const option = new Option(`${value}×`, value);
      select.append(option);
    }
    select.value = value;
  }
}

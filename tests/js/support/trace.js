// What a page's main thread does, by Chromium's own trace.

/** Traces while `during` runs; all events. */
export async function traceOf(browser, during) {
  const session = await browser.newBrowserCDPSession();
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const complete = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
  const includedCategories = ["devtools.timeline", "disabled-by-default-devtools.timeline", "__metadata"];
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories } });
  await during();
  await session.send("Tracing.end");
  await complete;
  await session.detach();
  return events;
}

/** Script, styles, layout and paint, as the trace names them; one within another counts once. */
const DRAWING = new Set([
  "EvaluateScript", "EventDispatch", "FireAnimationFrame", "FunctionCall", "IntersectionObserverController::computeIntersections",
  "Layout", "MajorGC", "MinorGC", "Paint", "PrePaint", "RunMicrotasks", "TimerFire", "UpdateLayoutTree", "WebSocketReceive",
]);

function outermost(events) {
  let end = -Infinity;
  return events.filter((event) => {
    const isOutside = event.ts >= end;
    if (isOutside) end = event.ts + (event.dur ?? 0);
    return isOutside;
  });
}

/**
 * What each frame of the page cost its main thread, in milliseconds, from the end of the frame before to its own: `drawing` is
 * script, styles, layout and paint, `all` is every task, with making layers and handing them over. CPU time where the trace
 * tells it, so that a busy machine does not count.
 */
export function frameCosts(events) {
  const of = (main, isOne) => events.filter((e) => e.pid === main.pid && e.tid === main.tid && isOne(e.name));
  const commits = (main) => of(main, (name) => name === "Commit");
  const mains = events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain");
  // The page's own process is the one that draws.
  const [main] = mains.sort((a, b) => commits(b).length - commits(a).length);
  const ends = commits(main).map(({ ts, dur }) => ts + dur).sort((a, b) => a - b);
  const byTime = (isOne) => of(main, isOne).sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0));
  const tasks = byTime((name) => name === "RunTask");
  // It leaves a time of nothing out.
  const hasThreadTime = tasks.some((task) => task.tdur > 0);
  const perFrame = (parts) => {
    const costs = new Array(ends.length).fill(0);
    let at = 0;
    for (const part of parts) {
      // The task in which a frame ends is the frame's own, and its last.
      while (at < ends.length && ends[at] < part.ts) at++;
      if (at < ends.length) costs[at] += ((hasThreadTime ? part.tdur : part.dur) ?? 0) / 1_000;
    }
    // Of the first one the beginning was not seen.
    return costs.slice(1);
  };
  return { all: perFrame(tasks), drawing: perFrame(outermost(byTime((name) => DRAWING.has(name)))), hasThreadTime };
}

export const percentile = (values, share) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];

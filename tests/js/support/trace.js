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

/**
 * What each frame of the page cost its main thread, in milliseconds: all tasks from the end of the frame before to its own,
 * with decoding and collecting garbage. CPU time where the trace tells it, so that a busy machine does not count.
 */
export function frameCosts(events) {
  const of = (name, { pid, tid }) => events.filter((event) => event.name === name && event.pid === pid && event.tid === tid);
  const mains = events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain");
  // The page's own process is the one that draws.
  const [main] = mains.sort((a, b) => of("Commit", b).length - of("Commit", a).length);
  const ends = of("Commit", main).map(({ ts, dur }) => ts + dur).sort((a, b) => a - b);
  const tasks = of("RunTask", main).sort((a, b) => a.ts - b.ts);
  // It leaves a time of nothing out.
  const hasThreadTime = tasks.some((task) => task.tdur > 0);
  const costs = new Array(ends.length).fill(0);
  let at = 0;
  for (const task of tasks) {
    const cost = (hasThreadTime ? (task.tdur ?? 0) : task.dur) / 1_000;
    // The task in which a frame ends is the frame's own, and its last.
    while (at < ends.length && ends[at] < task.ts) at++;
    if (at < ends.length) costs[at] += cost;
  }
  // Of the first one the beginning was not seen.
  return { costs: costs.slice(1), hasThreadTime };
}

export const percentile = (values, share) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];

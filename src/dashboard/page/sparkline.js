// The small line of a row: where its price was in the last minutes. A path, not a canvas: every canvas is a layer of its own
// to the browser, and a screen of them cost three times what all other drawing did.

/** Looked at this long. */
const SPAN_MS = 300_000;
/** A young trace is drawn over at least so long, so that it is a line and not a dot. */
const YOUNG_MS = 20_000;
const WIDTH = 88;
const HEIGHT = 20;
const SPACE = "http://www.w3.org/2000/svg";

/** Makes the line of one row, empty. */
export function makeSparkline() {
  const svg = document.createElementNS(SPACE, "svg");
  svg.setAttribute("width", String(WIDTH));
  svg.setAttribute("height", String(HEIGHT));
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SPACE, "path");
  svg.append(path);
  return { svg, path };
}

/** The last price, or where none is told, the bid. */
function lineOf(trace, from) {
  for (let at = trace.length - 1; at >= from; at--) if (trace.value("last", at) !== null) return "last";
  return "bid";
}

function write(element, name, text) {
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/** Draws the trace's last minutes; what was not live is a gap, and where a timeline ends the line does. */
export function drawSparkline({ path }, trace, now) {
  const from = trace.since(now - SPAN_MS);
  const line = lineOf(trace, from);
  const values = [];
  for (let at = from; at < trace.length; at++) {
    const mantissa = trace.value(line, at);
    values.push(mantissa === null ? NaN : Number(mantissa));
  }
  const known = values.filter((value) => !Number.isNaN(value));
  if (known.length === 0) return write(path, "d", "");
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const start = trace.time(from);
  const span = Math.max(now - start, YOUNG_MS);
  const x = (at) => (1 + ((trace.time(from + at) - start) / span) * (WIDTH - 2)).toFixed(1);
  const y = (value) => (high === low ? HEIGHT / 2 : 2 + ((high - value) / (high - low)) * (HEIGHT - 4)).toFixed(1);
  let d = "";
  let isPen = false;
  values.forEach((value, at) => {
    if (isPen && trace.isBreak(from + at)) {
      d += `H${x(at)}`;
      isPen = false;
    }
    if (Number.isNaN(value)) isPen = false;
    else {
      d += `${isPen ? "L" : "M"}${x(at)} ${y(value)}`;
      isPen = true;
    }
  });
  write(path, "d", d);
  const move = known.at(-1) - known[0];
  write(path, "class", move > 0 ? "up" : move < 0 ? "down" : "");
}

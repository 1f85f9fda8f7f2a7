// Debian's Chromium, and what a page in it said.
import { once } from "node:events";
import { createServer } from "node:http";
import { chromium } from "playwright-core";

const ARGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** A browser; `TICKWIRE_CHROMIUM` names another one than Debian's. */
export const launch = (args = []) =>
  chromium.launch({ executablePath: process.env.TICKWIRE_CHROMIUM ?? "/usr/bin/chromium", args: [...ARGS, ...args] });

/** Collects what a page says on its console and throws; for a test that nothing was said. */
export function complaintsOf(page) {
  const complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  return complaints;
}

/** Serves one page of another origin than the server's, with nothing but this in it. */
export async function serveHtml(html) {
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/" ? 200 : 204;
    response.setHeader("content-type", "text/html; charset=utf-8").end(request.url === "/" ? `<!doctype html>${html}` : "");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

// Debian's Chromium, and what a page in it said.
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

// The real binary, as `TICKWIRE_BIN` names it; `cargo test --test javascript` sets it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A test that waits so long has failed. */
export const LIMIT_MS = 60_000;

/** Looks again and again until `look` finds something; for conditions that nothing announces. */
export async function eventually(what, look, limitMs = LIMIT_MS) {
  const until = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > until) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export class Server {
  /** Serves on a free port, or on one that is known to be free. */
  static start(args, listen = "127.0.0.1:0") {
    return Server.run(["serve", "--listen", listen, ...args]);
  }

  /** Runs a command that listens, with all its arguments; `files` are written into its directory before. */
  static async run(args, files = {}) {
    const binary = process.env.TICKWIRE_BIN;
    assert.ok(binary, "TICKWIRE_BIN names the binary: cargo test --test javascript sets it");
    const directory = mkdtempSync(join(tmpdir(), "tickwire-"));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
    const child = spawn(binary, args, { cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
    const server = new Server(child, directory);
    child.stderr.on("data", (bytes) => { server.log = (server.log + bytes).slice(-20_000); });
    for await (const line of createInterface(child.stdout)) {
      server.url = line.match(/^listening on (\S+)/)?.[1];
      if (server.url) break;
    }
    assert.ok(server.url, `it listens: ${server.log}`);
    child.stdout.resume();
    return server;
  }

  constructor(child, directory) {
    this.child = child;
    this.directory = directory;
    this.url = undefined;
    this.log = "";
    this.ended = new Promise((resolve) => child.once("exit", resolve));
    this.killOnExit = () => child.kill("SIGKILL");
    process.once("exit", this.killOnExit);
  }

  get address() {
    return new URL(this.url).host;
  }

  async json(path) {
    const response = await fetch(new URL(path, this.url));
    assert.equal(response.status, 200, path);
    return response.json();
  }

  /** The sum of a metric over the label sets that contain `labels`; 0 where it does not stand there. */
  async metric(name, labels = "") {
    const page = await (await fetch(new URL("/metrics", this.url))).text();
    const lines = page.split("\n").filter((line) => /^[ {]/.test(line.slice(name.length)) && line.startsWith(name) && line.includes(labels));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  }

  /** Ends it, in good manners unless told otherwise. */
  async stop(signal = "SIGINT") {
    this.child.kill(signal);
    await this.ended;
    process.off("exit", this.killOnExit);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

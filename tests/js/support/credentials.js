// A server of two venues that knows one reader, who may see one of them.
import { execFileSync } from "node:child_process";
import { Server } from "./server.js";

const CONFIG = `[auth]
tokens = "tokens.toml"
[entitlement.open]
symbols = ["open:*"]
`;

const FEEDS = ["open", "hidden"].flatMap((venue) => ["--feed", `synthetic?venue=${venue}&symbols=3&rate=50`]);

/** A token, and its block for the file. */
export function makeToken(...more) {
  const script = '"$0" token alice --entitlement open "$@" 2>&1';
  const said = execFileSync("sh", ["-c", script, process.env.TICKWIRE_BIN, ...more], { encoding: "utf8" });
  const [first, ...block] = said.split("\n");
  return { token: first.split(" ").at(-1), block: block.join("\n") };
}

/** Serves who has one of these tokens. */
export const serveKnown = (...made) => Server.run(["serve", "--listen", "127.0.0.1:0", ...FEEDS], {
  "tickwire.toml": CONFIG,
  "tokens.toml": made.map(({ block }) => block).join("\n"),
});

// Whoever set the stage: tells where everything is, and does what only they can do, such as killing the server.
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function read() {
  const { value, done } = await lines.next();
  if (done) {
    throw new Error("Nobody set a stage: these scripts are started by the tests, see README.md.");
  }
  return JSON.parse(value);
}

/** `url` of the server, `repository` that it can reach. */
export const stage = await read();

/** Tells whoever set the stage something, and expects no answer. */
export function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Asks for `kill` or `start` of the server, and waits until it is done. */
export async function ask(what) {
  say({ ask: what });
  return read();
}

// A browser that nobody looks into. Playwright switches the instruments of the developer tools on, for the network and for
// scripts: with them Chromium finds out for every request which line asked for it, and reads the script once more for that,
// tens of milliseconds long. This speaks the little of the DevTools protocol that opens a page and asks it one thing.
// https://chromedevtools.github.io/devtools-protocol/
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flags, program } from "../tests/browser/lib/chromium.mjs";

export class PlainChromium {
  #asked = new Map();
  #last = 0;
  #unread = "";

  static async launch() {
    const browser = new PlainChromium();
    browser.directory = await mkdtemp(join(tmpdir(), "codecourier-bench-"));
    const own = ["--headless", "--remote-debugging-pipe", `--user-data-dir=${browser.directory}`];
    // Messages are JSON with a zero byte after each: to the program by its descriptor 3, from it by 4.
    browser.child = spawn(program(), [...flags, ...own], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    });
    browser.child.stdio[4].setEncoding("utf8").on("data", (piece) => browser.#reads(piece));
    return browser;
  }

  /** A page with a cache and cookies of its own. `script` runs before anything of what it shows. */
  async page({ viewport, cookies, script }) {
    const { browserContextId } = await this.#ask("Target.createBrowserContext");
    await this.#ask("Storage.setCookies", { cookies, browserContextId });
    const { targetId } = await this.#ask("Target.createTarget", { url: "about:blank", browserContextId });
    const { sessionId } = await this.#ask("Target.attachToTarget", { targetId, flatten: true });
    const ask = (method, params) => this.#ask(method, params, sessionId);
    await ask("Emulation.setDeviceMetricsOverride", { ...viewport, deviceScaleFactor: 1, mobile: false });
    await ask("Page.enable");
    await ask("Page.addScriptToEvaluateOnNewDocument", { source: script });
    return {
      open: (url) => ask("Page.navigate", { url }),
      /** What an expression is worth there. */
      async evaluate(expression) {
        const { result } = await ask("Runtime.evaluate", { expression, returnByValue: true });
        return result.value;
      },
      close: () => this.#ask("Target.disposeBrowserContext", { browserContextId }),
    };
  }

  async close() {
    const ended = new Promise((done) => this.child.once("exit", done));
    await this.#ask("Browser.close");
    await ended;
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #ask(method, params = {}, sessionId = undefined) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  #reads(piece) {
    const messages = (this.#unread + piece).split("\0");
    this.#unread = messages.pop();
    for (const { id, error, result } of messages.map((message) => JSON.parse(message))) {
      const { resolve, reject } = this.#asked.get(id) ?? {};
      this.#asked.delete(id);
      if (error) {
        reject?.(new Error(error.message));
      } else {
        resolve?.(result);
      }
    }
  }
}

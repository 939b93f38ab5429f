// Somebody with a browser. Whatever goes wrong in it unseen is remembered, and held against the story.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { stage } from "./stage.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

export class Visitor {
  /** Everything that must not happen, as it happened. */
  faults = [];
  /** What was written to the console. */
  console = [];
  /** The server is away and the page knows it: what fails then is no fault. */
  outage = false;
  static async arrive(browser, { name = "somebody", ...options } = {}) {
    const context = await browser.newContext({
      baseURL: stage.url,
      locale: "en-GB",
      timezoneId: "UTC",
      viewport: { width: 1440, height: 900 },
      reducedMotion: "reduce",
      ...options,
    });
    const visitor = new Visitor();
    visitor.name = name;
    visitor.context = context;
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) =>
        // biome-ignore lint/suspicious/noConsole: what the console says is held against the story
        console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI}`),
      );
    });
    visitor.page = await context.newPage();
    visitor.page.setDefaultTimeout(60_000);
    visitor.listen(visitor.page);
    return visitor;
  }

  listen(page) {
    const own = new URL(stage.url).host;
    page.on("console", (message) => {
      this.console.push(`${message.type()}: ${message.text()} (${message.location().url})`);
      // What the server answered is judged by its status, below; what it could not answer, by whether it should be there.
      const aboutNetwork = /^Failed to load resource|WebSocket connection to/.test(message.text());
      if (
        message.type() === "error" &&
        !(aboutNetwork && (this.outage || message.text().includes("status of")))
      ) {
        this.faults.push(`console: ${message.text()} (${message.location().url})`);
      }
    });
    page.on("pageerror", (error) => this.faults.push(`uncaught: ${error.stack ?? error}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (["http:", "https:", "ws:", "wss:"].includes(url.protocol) && url.host !== own) {
        this.faults.push(`asks elsewhere: ${request.url()}`);
      }
    });
    page.on("websocket", (socket) => {
      if (new URL(socket.url()).host !== own) {
        this.faults.push(`connects elsewhere: ${socket.url()}`);
      }
    });
    page.on("response", (response) => {
      const { pathname } = new URL(response.url());
      // A browser that has no session learns it so.
      const isStranger = response.status() === 401 && pathname === "/api/v1/account";
      if (response.status() >= 400 && !isStranger && !this.outage) {
        this.faults.push(`${response.status()} of ${response.request().method()} ${response.url()}`);
      }
    });
  }

  /** What holds at the end of each screen. Gives nothing, or throws everything that is wrong. */
  async endsScreen(name) {
    await this.axeOnly(name);
    this.isClean(name);
  }

  /** Nothing that keeps people out, in either theme. */
  async axeOnly(name) {
    for (const scheme of ["dark", "light"]) {
      await this.page.emulateMedia({ colorScheme: scheme });
      await this.page.waitForFunction(
        (dark) => document.documentElement.classList.contains("dark") === dark,
        scheme === "dark",
      );
      await this.page.evaluate(async () => {
        const frame = () => new Promise(requestAnimationFrame);
        await frame();
        await frame();
        const ending = document
          .getAnimations()
          .filter(({ effect }) => effect.getComputedTiming().endTime < 10_000);
        await Promise.allSettled(ending.map(({ finished }) => finished));
      });
      for (const fault of await this.axe()) {
        this.faults.push(`${name}, ${scheme}: ${fault}`);
      }
    }
  }

  async axe() {
    const loaded = await this.page.evaluate(() => "axe" in window);
    if (!loaded) {
      await this.page.evaluate(axe);
    }
    return this.page.evaluate(async (rules) => {
      const options = { runOnly: { type: "tag", values: rules }, resultTypes: ["violations"] };
      const { violations } = await window.axe.run(document, options);
      return violations.flatMap(({ id, help, nodes }) =>
        nodes.map((node) => `${id}: ${help}: ${node.html.slice(0, 300)} ${node.failureSummary}`),
      );
    }, rules);
  }

  isClean(name) {
    const faults = this.faults.splice(0);
    if (faults.length > 0) {
      throw new Error(`${this.name} at ${name}:\n- ${faults.join("\n- ")}`);
    }
  }

  /** The page was not loaded anew since this was asked for. The answer is for `isSamePage`. */
  pageBegan() {
    return this.page.evaluate(() => performance.timeOrigin);
  }
}

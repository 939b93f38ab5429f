// Tells a story. When it goes wrong, the screens and the consoles of everybody in it are kept.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { launch } from "./lib/chromium.mjs";
import { Visitor } from "./lib/visitor.mjs";

const story = process.argv[2];
const kept = fileURLToPath(new URL(`../../target/browser/${story}/`, import.meta.url));
rmSync(kept, { recursive: true, force: true });
const { default: tell } = await import(`./stories/${story}.mjs`);
const browsers = [await launch()];
const visitors = [];
try {
  await tell({
    /** Somebody with a window of their own, or with a whole browser. */
    arrives: async ({ apart, ...options } = {}) => {
      if (apart) {
        browsers.push(await launch());
      }
      const visitor = await Visitor.arrive(browsers.at(-1), options);
      visitors.push(visitor);
      return visitor;
    },
  });
  for (const visitor of visitors) {
    visitor.isClean("the end");
  }
} catch (error) {
  mkdirSync(kept, { recursive: true });
  for (const { name, page, console: said, faults } of visitors) {
    await page.screenshot({ path: `${kept}${name}.png` }).catch(() => {});
    const text = [page.url(), ...faults, ...said, await page.content().catch(String)].join("\n");
    writeFileSync(`${kept}${name}.txt`, text);
  }
  process.stderr.write(`${error.stack ?? error}\nThe screens are kept in target/browser/${story}.\n`);
  process.exitCode = 1;
} finally {
  await Promise.all(browsers.map((browser) => browser.close()));
}
// Whoever set the stage may still listen.
process.exit();

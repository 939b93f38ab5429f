// Pictures of every screen: light and dark, wide and narrow, and in every state that it can be in. For looking at.
import { mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  hasProject,
  LONG_NAME,
  LONG_WORDS,
  makesFirstAccount,
  REJECTED_ONCE,
  startsRun,
  waitsForEnd,
} from "./lib/acts.mjs";
import { launch } from "./lib/chromium.mjs";
import { goTo, inside, outside } from "./lib/screens.mjs";
import { Visitor } from "./lib/visitor.mjs";

const wanted = process.argv.slice(2);
const directory = fileURLToPath(new URL("../../target/screenshots/", import.meta.url));
rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
const widths = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } };

const browser = await launch();
const host = await Visitor.arrive(browser, { name: "host" });
await take(host, "first-account", async () => {
  await host.page.goto("/");
  await host.page.getByRole("heading", { level: 1 }).waitFor();
});
await makesFirstAccount(host);
await take(host, "projects-empty", () => host.page.goto("/projects"));
const empty = await hasProject(host, "Empty");
const shop = await hasProject(host, "Shop");
const long = await hasProject(host, LONG_NAME);
const done = await startsRun(host, shop, { prompt: REJECTED_ONCE });
await waitsForEnd(host, shop, done);
const failed = await startsRun(host, shop, { prompt: "Mend the till.\n@@error 401", workflow: "single" });
await waitsForEnd(host, shop, failed, "Failed");
const wordy = await startsRun(host, long, { prompt: LONG_WORDS });
await waitsForEnd(host, long, wordy);
const asks =
  "Count the stock.\n@@say I count the stock, shelf by shelf.\n@@plan Look at the shelves | Count\n@@hang";
const working = await startsRun(host, shop, { prompt: asks, workflow: "single" });
await waitsForEnd(host, shop, working, "Running");

const states = [
  { name: "empty", place: { slug: empty }, screens: inside.filter(({ needsRun }) => !needsRun) },
  { name: "loaded", place: { slug: shop, run: done }, screens: inside },
  { name: "failed", place: { slug: shop, run: failed }, screens: inside.filter(({ needsRun }) => needsRun) },
  {
    name: "working",
    place: { slug: shop, run: working },
    screens: inside.filter(({ needsRun }) => needsRun),
  },
  { name: "long", place: { slug: long, run: wordy }, screens: inside },
  { name: "error", place: { slug: shop, run: done }, screens: inside, broken: true },
];
for (const { name, place, screens, broken } of states) {
  if (broken) {
    await breaks(host, place);
  }
  for (const screen of screens) {
    await take(host, `${screen.name}-${name}`, () => goTo(host.page, screen, place).catch(() => {}));
  }
}
const stranger = await Visitor.arrive(browser, { name: "stranger" });
for (const screen of outside) {
  await take(stranger, screen.name, () => goTo(stranger.page, screen, {}));
}
await browser.close();
process.exit();

/** What a screen asks for beyond the frame fails, as when the database does not answer. */
async function breaks({ page }, { slug }) {
  page.setDefaultTimeout(3_000);
  const body = JSON.stringify({
    error: { code: "INTERNAL", message: "The database does not answer.", requestId: "req_0123456789abcdef" },
  });
  await page.route(
    (url) => new RegExp(`^/api/v1/(projects/${slug}/.+|account/.+)`).test(url.pathname),
    (route) => route.fulfill({ status: 500, contentType: "application/json", body }),
  );
}

async function take({ page }, name, arrive) {
  if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) {
    return;
  }
  for (const [width, viewport] of Object.entries(widths)) {
    await page.setViewportSize(viewport);
    await arrive();
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${directory}${name}-${width}-${colorScheme}.png` });
    }
  }
}

// What is on the pictures: projects and runs in every state that a screen can be in, and the way through all of them.
import {
  asks,
  furnishes,
  hasProject,
  LONG_FILE,
  LONG_NAME,
  LONG_WAIT,
  LONG_WORDS,
  makesFirstAccount,
  REJECTED_ONCE,
  startsEndless,
  startsRun,
  waitsForEnd,
} from "./acts.mjs";
import { goTo, inside, outside } from "./screens.mjs";

/** Fills a fresh server, and takes the pictures that only a fresh one gives. Gives where everything is. */
export async function fill(host, pictures) {
  await pictures.take(host, "first-account", async () => {
    await host.page.goto("/");
    await host.page.getByRole("heading", { level: 1 }).waitFor();
  });
  await host.page.goto("/");
  await makesFirstAccount(host);
  await pictures.take(host, "no-projects", async () => {
    await host.page.goto("/projects");
    await host.page.getByRole("heading", { level: 1 }).waitFor();
  });
  const { data: bare } = await asks(host, "POST", "/projects", { name: "Empty" });
  const shop = await hasProject(host, "Shop");
  const long = await hasProject(host, LONG_NAME);
  await furnishes(host, shop);
  await furnishes(host, long, LONG_NAME.toLowerCase().replaceAll(/[^a-z]/g, "x"));
  await (await startsEndless(host, shop, "Order new shelves.")).stop();
  const failed = await startsRun(host, shop, { prompt: "Mend the till.\n@@error 401", workflow: "single" });
  await waitsForEnd(host, shop, failed, "Failed");
  const done = await startsRun(host, shop, { prompt: REJECTED_ONCE });
  await waitsForEnd(host, shop, done);
  const wordy = await startsRun(host, long, { prompt: LONG_WORDS });
  await waitsForEnd(host, long, wordy);
  const endless = await startsEndless(host, long, LONG_WAIT);
  const working = await startsEndless(host, shop, AT_WORK);
  return {
    empty: { slug: bare.slug },
    done: { slug: shop, run: done, sandbox: working.sandbox },
    failed: { slug: shop, run: failed },
    working: { slug: shop, run: working.run },
    long: { slug: long, run: wordy, sandbox: endless.sandbox, file: LONG_FILE },
  };
}

const AT_WORK = `Count the stock.
@@say I count the stock, shelf by shelf.
@@plan Look at the shelves | Count | Write it down
@@bash ls -la; mkdir shelves; printf '\\033[32m12 books\\033[0m, \\033[31m3 missing\\033[0m\\n'
@@bash ls nowhere`;

/** Takes the rest: every screen in every state that it has. `stranger` is signed in nowhere. */
export async function goRound(host, stranger, places, pictures) {
  for (const screen of outside) {
    await pictures.take(stranger, screen.name, () => goTo(stranger.page, screen, {}));
  }
  const ofRun = inside.filter(({ needsRun }) => needsRun);
  const states = [
    {
      name: "empty",
      place: places.empty,
      screens: inside.filter(({ needsRun, needsSandbox }) => !(needsRun || needsSandbox)),
    },
    { name: "loaded", place: places.done, screens: inside },
    { name: "failed", place: places.failed, screens: ofRun },
    { name: "working", place: places.working, screens: ofRun },
    { name: "long", place: places.long, screens: inside },
  ];
  for (const { name, place, screens } of states) {
    for (const screen of screens) {
      await pictures.take(host, `${screen.name}-${name}`, () => goTo(host.page, screen, place));
    }
  }
  await picksOut(host, places.done, pictures);
  // What a screen itself asks for is away, or does not come. What opens over a screen has nothing of its own to ask.
  for (const [name, answer] of Object.entries({ error: fails, loading: neverComes })) {
    const undo = await meets(host, places.done, answer);
    for (const screen of inside.filter(({ act }) => !act)) {
      await pictures.take(host, `${screen.name}-${name}`, () => arrivesAt(host.page, screen, places.done));
    }
    await undo();
  }
}

/** What one comes to from a screen: a part of it that is chosen, or that opens. */
async function picksOut(host, { slug, run, sandbox }, pictures) {
  const { page } = host;
  await page.goto(`/p/${slug}/runs`);
  const { data } = await asks(host, "GET", `/projects/${slug}/runs/${run}`);
  const at = (name) => inside.find((screen) => screen.name === name);
  await pictures.take(host, "run-step-loaded", async () => {
    await page.goto(`/p/${slug}/runs/${run}?step=${data.steps[1].id}`);
    await page.getByRole("tabpanel").first().waitFor();
  });
  await pictures.take(host, "runs-none-found", async () => {
    await page.goto(`/p/${slug}/runs?text=nothing-is-called-so`);
    await page.getByRole("heading", { level: 1 }).waitFor();
  });
  for (const [name, search] of [
    ["sandbox-files-empty", "?tab=files&folder=shelves"],
    ["sandbox-files-gone", "?tab=files&folder=nowhere&file=nowhere%2Fat-all"],
  ]) {
    await pictures.take(host, name, () =>
      arrivesAt(page, { path: () => `/p/${slug}/sandboxes/${sandbox}${search}` }),
    );
  }
  await pictures.take(host, "palette-found", async () => {
    await goTo(page, at("palette"), { slug });
    await page.keyboard.type("greeting");
    await page.getByRole("option").first().waitFor();
  });
  await pictures.take(host, "comment-loaded", async () => {
    await goTo(page, at("run-changes"), { slug, run });
    await page.getByRole("button", { name: "Line 1, added: hello world" }).click();
    await page
      .getByRole("textbox", { name: /Comment on/ })
      .first()
      .waitFor();
  });
}

const fails = (route) =>
  route.fulfill({
    status: 500,
    contentType: "application/json",
    body: JSON.stringify({
      error: {
        code: "INTERNAL",
        message: "The database does not answer.",
        requestId: "req_0123456789abcdef",
      },
    }),
  });
const neverComes = () => {};

/** Lets what a screen asks for beyond the frame meet with this answer, until the result is called. */
async function meets({ page }, { slug }, answer) {
  const isOfScreen = (url) => new RegExp(`^/api/v1/(projects/${slug}/.+|account/.+)`).test(url.pathname);
  await page.route(isOfScreen, answer);
  return () => page.unroute(isOfScreen, answer);
}

/** Goes there, and waits until nothing more happens by itself. */
async function arrivesAt(page, screen, place) {
  await page.goto(screen.path(place));
  await page.getByRole("main").waitFor();
  await page.evaluate(
    () =>
      new Promise((quiet) => {
        let timer = setTimeout(quiet, 600);
        new MutationObserver(() => {
          clearTimeout(timer);
          timer = setTimeout(quiet, 600);
        }).observe(document.body, { childList: true, subtree: true });
      }),
  );
}

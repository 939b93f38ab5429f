// The page of a run with 10,000 events: how soon it can be used, how many rows it draws, whether scrolling stalls, and
// whether its memory stays as it is while events keep coming. Started by `bench_ui`, which prints what is said here.
import { asks, settlesIn, startsRun } from "../tests/browser/lib/acts.mjs";
import { launch } from "../tests/browser/lib/chromium.mjs";
import { say, stage } from "../tests/browser/lib/stage.mjs";
import { Visitor } from "../tests/browser/lib/visitor.mjs";
import { PlainChromium } from "./plain_chromium.mjs";

const EVENTS = 10_000;
const OPENED = 21;
/** Whoever turns the wheel for so long in vain, in milliseconds, is at the end; a page that is read on the way takes less. */
const STILL = 3_000;
const SAMPLES = 60;
/** What fills up to a limit is full by then. */
const SETTLING = 30;
const [seconds, rate] = process.argv.slice(2).map(Number);

const browser = await launch();
const reader = await Visitor.arrive(browser, { name: "reader" });
const { page, context } = reader;
await context.addInitScript(watches);
const slug = await settlesIn(reader);
const ended = await starts({ rate: 0, seconds: 0 });
await until(async () => !["pending", "running"].includes((await detailOf(ended)).status));
const there = await lastOf(ended);
if (there < EVENTS) {
  const { status, failure } = await detailOf(ended);
  throw new Error(`the run has ${there} events only, and is ${status}: ${JSON.stringify(failure)}`);
}

await opens();
await scrolls();
await follows();
reader.isClean("the end");
await browser.close();
process.exit();

/** From an address, and from a link: until the end of the transcript is painted and a key press is answered. */
async function opens() {
  const how =
    `a run of ${there} events that is over; until the end of its transcript is on the screen, a key press was answered ` +
    "after that, and the frame with the answer was painted";
  const plain = await PlainChromium.launch();
  const cookies = (await context.cookies()).map(({ name, value, httpOnly, sameSite }) => ({
    ...{ name, value, httpOnly, sameSite },
    url: stage.url,
  }));
  const arrives = () => plain.page({ viewport: page.viewportSize(), cookies, script: `(${watches})()` });
  const [cold, warm, painted, rows] = [[], [], [], []];
  for (let time = 0; time < 3; time++) {
    const stranger = await arrives();
    cold.push((await navigates(stranger)).usable);
    await stranger.close();
  }
  const regular = await arrives();
  await navigates(regular);
  for (let time = 0; time < OPENED; time++) {
    const seen = await navigates(regular);
    warm.push(seen.usable);
    painted.push(seen.painted);
    rows.push(seen.rows);
  }
  await plain.close();
  tells({
    bench: "open",
    method:
      `${how}; from the beginning of the navigation, ${OPENED} times with the files in the browser's cache, 3 times with an ` +
      "empty one, in a browser whose developer tools are off",
    events: there,
    usable_p50_ms: percentile(warm, 50),
    usable_p95_ms: percentile(warm, 95),
    first_paint_p50_ms: percentile(painted, 50),
    empty_cache_ms: percentile(cold, 50),
    rows_in_dom: Math.max(...rows),
  });
  const clicked = [];
  for (let time = 0; time < OPENED; time++) {
    await page.goto(`/p/${slug}/runs`);
    const link = page.locator(`a[href$="${ended}"]`).first();
    await link.waitFor();
    await page.evaluate(() => window.bench.fromClick());
    await link.click();
    clicked.push(await usable(page));
  }
  tells({
    bench: "go",
    method: `${how}; from the click on its link in the list of runs, ${OPENED} times, the list loaded anew before each`,
    usable_p50_ms: percentile(clicked, 50),
    usable_p95_ms: percentile(clicked, 95),
  });
}

/** Opens the run that is over by its address, and waits until it was painted, too. */
async function navigates(plain) {
  await plain.open("about:blank");
  await plain.open(stage.url + addressOf(ended));
  for (const began = Date.now(); Date.now() - began < 60_000; ) {
    // Seldom enough not to be in the way of what is measured.
    await new Promise((waited) => setTimeout(waited, 200));
    const seen = await plain.evaluate(
      `window.bench?.usable && {
        usable: window.bench.usable,
        painted: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
        rows: window.bench.rows(),
      }`,
    );
    if (seen?.painted) {
      return seen;
    }
  }
  throw new Error("the page of the run does not come to be usable");
}

/** All of it, upwards and downwards with the wheel, and from one end to the other with keys. */
async function scrolls() {
  await page.goto(addressOf(ended));
  await usable(page);
  const box = await page.getByRole("region", { name: "Transcript" }).boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.evaluate(() => window.bench.begin());
  const began = Date.now();
  const turns = { up: await turnsWheel(-1), down: await turnsWheel(1) };
  const wheel = await page.evaluate(() => window.bench.told());
  const took = (Date.now() - began - 2 * STILL) / 1000;
  await page.evaluate(() => window.bench.begin());
  await page.mouse.click(box.x + 4, box.y + box.height / 2);
  for (let time = 0; time < 10; time++) {
    // What is far above the end is not kept while the end is followed: it is read again, a page at a time.
    const older = page.waitForResponse((response) => response.url().includes("/events?"));
    await page.keyboard.press("Home");
    await older;
    await page.keyboard.press("Shift+G");
    await until(() => page.evaluate(() => window.bench.place().below < 24));
    await page.waitForTimeout(500);
  }
  await page.waitForTimeout(500);
  const jumps = await page.evaluate(() => window.bench.told());
  tells({
    bench: "scroll",
    method:
      `the wheel, 400 pixels at a time, from the end of ${there} events to the beginning, through pages that are read on the way, ` +
      "and back to the end; rows counted after each frame; jumps are by keys, 10 times from the end to the beginning of what is " +
      "kept, which reads a page before it, and back",
    turns: turns.up + turns.down,
    seconds: took,
    frames_per_second: wheel.frames / took,
    rows_in_dom: Math.max(wheel.rows, jumps.rows),
    long_tasks: wheel.tasks.length,
    longest_task_ms: Math.max(0, ...wheel.tasks),
    jump_long_tasks: jumps.tasks.length,
    jump_longest_task_ms: Math.max(0, ...jumps.tasks),
  });
}

/** Turns it until the page moves no more. Gives how often. */
async function turnsWheel(direction) {
  let turns = 0;
  let before = "";
  for (let moved = Date.now(); Date.now() - moved < STILL; ) {
    await page.mouse.wheel(0, direction * 400);
    const now = JSON.stringify(await page.evaluate(() => window.bench.place()));
    if (now !== before) {
      moved = Date.now();
      before = now;
      turns++;
    }
  }
  return turns;
}

/** Follows the end while more comes. */
async function follows() {
  const run = await starts({ rate, seconds: SETTLING + seconds + 120 });
  await until(async () => (await lastOf(run)) >= EVENTS);
  await page.goto("about:blank");
  await page.goto(addressOf(run));
  await usable(page);
  // The search has the focus now; it is left, as whoever only watches would.
  await page.keyboard.press("Escape");
  const devtools = await context.newCDPSession(page);
  await devtools.send("Performance.enable");
  await page.waitForTimeout(SETTLING * 1000);
  const began = Date.now();
  const first = await lastOf(run);
  const samples = [];
  await page.evaluate(() => window.bench.begin());
  const tasks = [];
  let [rows, frames, off] = [0, 0, 0];
  for (let sample = 0; sample < SAMPLES; sample++) {
    await page.waitForTimeout(Math.max(0, began + ((sample + 1) * seconds * 1000) / SAMPLES - Date.now()));
    const told = await page.evaluate(() => window.bench.told());
    tasks.push(...told.tasks);
    rows = Math.max(rows, told.rows);
    frames += told.frames;
    off += told.off;
    const behind = await page.evaluate(() => window.bench.behind());
    await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize } = await devtools.send("Runtime.getHeapUsage");
    const { metrics } = await devtools.send("Performance.getMetrics");
    const metric = (name) => metrics.find((each) => each.name === name).value;
    samples.push({
      heap: usedSize / 2 ** 20,
      nodes: metric("Nodes"),
      listeners: metric("JSEventListeners"),
      behind,
    });
    // The collection is ours, and no task of the page.
    await page.evaluate(() => window.bench.begin());
  }
  const took = (Date.now() - began) / 1000;
  const came = (await lastOf(run)) - first;
  const heaps = samples.map(({ heap }) => heap);
  const middle = percentile(heaps, 50);
  tells({
    bench: "follow",
    method:
      `the end of a run followed while events come, which had ${EVENTS} before; ${SAMPLES} times, from ${SETTLING} s after the page was ` +
      "opened: JavaScript heap and DOM nodes after a collection, the age of the newest call on the screen; after each frame whether the end is " +
      "in sight, but for 24 pixels; long tasks but those of the collections",
    streamed: `${seconds} s`,
    seconds: took,
    events_per_second: came / took,
    heap_first_mb: heaps[0],
    heap_last_mb: heaps.at(-1),
    heap_p50_mb: middle,
    heap_deviation_percent: Math.max(...heaps.map((heap) => Math.abs(heap / middle - 1) * 100)),
    heap_trend_percent: (mean(heaps.slice(-SAMPLES / 6)) / mean(heaps.slice(0, SAMPLES / 6)) - 1) * 100,
    nodes_first: samples[0].nodes,
    nodes_last: samples.at(-1).nodes,
    listeners_last: samples.at(-1).listeners,
    rows_in_dom: rows,
    frames_off_end_percent: (off / frames) * 100,
    behind_p50_ms: percentile(
      samples.map((sample) => sample.behind),
      50,
    ),
    behind_p95_ms: percentile(
      samples.map((sample) => sample.behind),
      95,
    ),
    long_tasks: tasks.length,
    longest_task_ms: Math.max(0, ...tasks),
  });
  await asks(reader, "POST", `/projects/${slug}/runs/${run}/cancel`);
  await until(async () => (await detailOf(run)).status === "cancelled");
}

/** With as many digits as mean something. */
function tells(result) {
  const rounded = (value) => (typeof value === "number" ? Math.round(value * 100) / 100 : value);
  say(Object.fromEntries(Object.entries(result).map(([field, value]) => [field, rounded(value)])));
}

async function starts({ rate, seconds }) {
  return startsRun(reader, slug, {
    workflow: "single",
    agent: "acp",
    prompt: `Count the shelves: events=${EVENTS} rate=${rate} seconds=${seconds}`,
    limits: { timeoutSeconds: 14_400 },
  });
}

async function detailOf(run) {
  return (await asks(reader, "GET", `/projects/${slug}/runs/${run}`)).data;
}

async function lastOf(run) {
  const { data } = await asks(
    reader,
    "GET",
    `/projects/${slug}/runs/${run}/events?before=${2 ** 53 - 1}&limit=1`,
  );
  return data[0]?.seq ?? 0;
}

function addressOf(run) {
  return `/p/${slug}/runs/${run}`;
}

async function usable(page) {
  const at = await page.waitForFunction(() => window.bench?.usable, undefined, { polling: 50 });
  return at.jsonValue();
}

async function until(done) {
  for (const began = Date.now(); !(await done()); ) {
    if (Date.now() - began > 120_000) {
      throw new Error("it takes too long");
    }
    await new Promise((waited) => setTimeout(waited, 100));
  }
}

function percentile(values, percent) {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(((sorted.length - 1) * percent) / 100)];
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Runs in the page, before anything of it. */
function watches() {
  const tasks = [];
  const seen = new PerformanceObserver((list) => tasks.push(...list.getEntries()));
  seen.observe({ type: "longtask", buffered: true });
  const scroller = () => document.querySelector("[data-index]")?.closest("section");
  const rows = () => document.querySelectorAll("section [data-index]").length;
  const place = () => {
    const { scrollTop, scrollHeight, clientHeight } = scroller();
    return { height: scrollHeight, top: scrollTop, below: scrollHeight - scrollTop - clientHeight };
  };
  let since = 0;
  const look = () => {
    const found = scroller();
    if (found && place().below < 24) {
      document.activeElement.dispatchEvent(
        new KeyboardEvent("keydown", { key: "/", bubbles: true, cancelable: true }),
      );
      if (document.activeElement.type === "search") {
        // In the frame that is painted with it, and after it.
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => {
            window.bench.usable = performance.now() - since;
          };
          port2.postMessage(undefined);
        });
        return;
      }
    }
    requestAnimationFrame(look);
  };
  let told;
  // After a frame was painted: what somebody saw, and not what was still put in its place.
  const painted = new MessageChannel();
  painted.port1.onmessage = () => {
    const { below } = place();
    told.frames++;
    told.rows = Math.max(told.rows, rows());
    told.off += below > 24 ? 1 : 0;
  };
  const frame = () => {
    painted.port2.postMessage(undefined);
    requestAnimationFrame(frame);
  };
  window.bench = {
    usable: undefined,
    rows,
    place,
    fromClick() {
      window.bench.usable = undefined;
      addEventListener(
        "click",
        (event) => {
          since = event.timeStamp;
          requestAnimationFrame(look);
        },
        { capture: true, once: true },
      );
    },
    begin() {
      seen.takeRecords();
      tasks.splice(0);
      const isFirst = !told;
      told = { frames: 0, rows: 0, off: 0, since: performance.now() };
      if (isFirst) {
        requestAnimationFrame(frame);
      }
    },
    /** What was seen since the beginning. */
    told() {
      tasks.push(...seen.takeRecords());
      const own = tasks.filter(({ startTime }) => startTime >= told.since);
      return { ...told, tasks: own.map(({ duration }) => duration) };
    },
    /** How long ago the newest call on the screen was written. */
    behind() {
      const times = [...scroller().textContent.matchAll(/\d+@(\d{13})/g)];
      return Date.now() - Number(times.at(-1)?.[1]);
    },
  };
  if (location.pathname.includes("/runs/")) {
    requestAnimationFrame(look);
  }
}

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { api } from "@/api/client";
import type { LiveConnection, LiveHandlers } from "./connection";
import { RunEventStore } from "./run-events";
import { readEndAhead } from "./run-page";

/** How many events the server has; it answers any page of them. */
let recorded = 0;
/** How many more requests nobody answers. */
let failing = 0;
let handlers: LiveHandlers;

type Asked = { params: { query: { limit: number; before: number } } };

beforeEach(() => {
  recorded = 0;
  vi.stubGlobal("requestAnimationFrame", (run: () => void) => setTimeout(run, 0));
  vi.stubGlobal("cancelAnimationFrame", clearTimeout);
  failing = 0;
  vi.spyOn(api, "GET").mockImplementation((async (_path: unknown, { params }: Asked) => {
    if (failing > 0) {
      failing--;
      throw new TypeError("fetch failed");
    }
    const { limit, before: wanted } = params.query;
    const before = Math.min(wanted, recorded + 1);
    const first = Math.max(1, before - limit);
    const data = Array.from({ length: before - first }, (_, index) => recordedEvent(before - 1 - index));
    return { data: { data, hasMore: first > 1 }, response: new Response() };
  }) as unknown as typeof api.GET);
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const recordedEvent = (seq: number) => ({
  seq,
  stepId: "stp_a",
  at: "2026-11-23T08:00:00.000Z",
  event: { kind: "text", text: `${seq}` },
});

async function open(): Promise<RunEventStore> {
  const live = {
    subscribe: (_query: unknown, _args: unknown, given: LiveHandlers) => {
      handlers = given;
      return () => {};
    },
  };
  const store = new RunEventStore(live as unknown as LiveConnection, "shop", "run_a");
  store.open();
  await vi.waitFor(() => expect(store.getState().loading).toBe(false));
  await painted();
  return store;
}

function happen(count: number): void {
  for (let left = count; left > 0; left--) {
    recorded++;
    const { seq, ...event } = recordedEvent(recorded);
    handlers.delta({ id: "s1", seq, event } as unknown as Parameters<LiveHandlers["delta"]>[0]);
  }
}

const painted = () => new Promise((done) => setTimeout(done, 1));

const numbers = (store: RunEventStore) => store.getState().events.map(({ seq }) => seq);

test("what was read ahead is there at once, and is followed from its end on", async () => {
  recorded = 3;
  await readEndAhead("shop", "run_a");
  expect(api.GET).toHaveBeenCalledTimes(1);
  const subscribe = vi.fn(() => () => {});
  const store = new RunEventStore({ subscribe } as unknown as LiveConnection, "shop", "run_a");
  expect(store.getState().loading).toBe(false);
  expect(numbers(store)).toEqual([1, 2, 3]);
  store.open();
  expect(subscribe).toHaveBeenCalledWith("run.events", expect.anything(), expect.anything(), 3);
  expect(api.GET).toHaveBeenCalledTimes(1);
  // It is taken once: whoever comes next reads the end as it is then.
  expect(
    new RunEventStore({ subscribe } as unknown as LiveConnection, "shop", "run_a").getState().loading,
  ).toBe(true);
});

test("what could not be read ahead is read when it is shown", async () => {
  recorded = 3;
  failing = 1;
  await readEndAhead("shop", "run_a");
  expect(numbers(await open())).toEqual([1, 2, 3]);
});

test("opens at the end, reads back page by page, and goes on with what happens", async () => {
  recorded = 1_200;
  const store = await open();
  expect(numbers(store).at(0)).toBe(701);
  await store.readOlder();
  await store.readOlder();
  happen(3);
  await painted();
  expect(numbers(store)).toEqual(Array.from({ length: 1_203 }, (_, index) => index + 1));
  expect(store.getState().hasOlder).toBe(false);
});

test("takes nothing twice", async () => {
  recorded = 5;
  const store = await open();
  recorded = 4;
  happen(2);
  await painted();
  expect(numbers(store)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("keeps no more than the end while the end is followed, and reads the rest again", async () => {
  const store = await open();
  store.follow(true);
  happen(10_000);
  await painted();
  expect(numbers(store).length).toBeLessThanOrEqual(4_000);
  expect(numbers(store).at(-1)).toBe(10_000);
  expect(store.getState().hasOlder).toBe(true);
  store.follow(false);
  const first = numbers(store)[0] ?? 0;
  await store.readOlder();
  expect(numbers(store)[0]).toBe(first - 500);
});

test("leaves new events with the server when somebody reads far above, until they come back", async () => {
  const store = await open();
  happen(20_100);
  await painted();
  happen(50);
  await painted();
  const { events, newer } = store.getState();
  expect(events.length + newer).toBe(20_150);
  expect(newer).toBeGreaterThan(0);
  store.follow(true);
  await vi.waitFor(() => expect(store.getState().newer).toBe(0));
  expect(numbers(store).at(-1)).toBe(20_150);
  happen(1);
  await painted();
  expect(numbers(store).at(-1)).toBe(20_151);
});

test("a server that does not answer at first is asked again", async () => {
  recorded = 3;
  failing = 1;
  const store = await open();
  expect(numbers(store)).toEqual([1, 2, 3]);
});

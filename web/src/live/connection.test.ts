import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LiveConnection } from "./connection";

class FakeSocket {
  readyState = 1;
  sent: { type: string; id?: string; after?: number }[] = [];
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  say(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  hello(version = "1.0.0") {
    this.say({ type: "hello", version, authenticated: true, maxSubscriptions: 64, maxMessageBytes: 65536 });
  }
  breakOff() {
    this.readyState = 3;
    this.onclose?.();
  }
}

let sockets: FakeSocket[];
let connection: LiveConnection;
const latest = () => sockets.at(-1) as FakeSocket;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  connection = new LiveConnection("ws://server/live", () => {
    const socket = new FakeSocket();
    sockets.push(socket);
    return socket as unknown as WebSocket;
  });
  connection.start();
});

afterEach(() => {
  connection.stop();
  vi.useRealTimers();
});

function follow() {
  const seen: number[] = [];
  const snapshots: number[] = [];
  const end = connection.subscribe(
    "project.changes",
    { project: "shop" },
    { delta: (delta) => seen.push(delta.seq), snapshot: (_, seq) => snapshots.push(seq) },
  );
  return { seen, snapshots, end };
}

test("after a break it goes on behind the last number it had, and takes nothing twice", () => {
  const { seen, snapshots } = follow();
  latest().hello();
  expect(latest().sent).toEqual([
    { type: "subscribe", id: "s1", query: "project.changes", args: { project: "shop" } },
  ]);
  latest().say({ type: "snapshot", id: "s1", seq: 4, data: {} });
  latest().say({ type: "delta", id: "s1", seq: 5 });
  latest().breakOff();
  expect(connection.getState().status).toBe("reconnecting");
  vi.advanceTimersByTime(300);
  latest().hello();
  expect(latest().sent[0]).toMatchObject({ id: "s1", after: 5 });
  latest().say({ type: "delta", id: "s1", seq: 5 });
  latest().say({ type: "delta", id: "s1", seq: 6 });
  expect(seen).toEqual([5, 6]);
  expect(snapshots).toEqual([4]);
  expect(connection.getState().status).toBe("live");
});

test("it waits longer with each attempt that fails, and begins anew once one works", () => {
  for (let attempt = 0; attempt < 4; attempt++) {
    latest().breakOff();
    vi.advanceTimersByTime(20_000);
  }
  expect(sockets).toHaveLength(5);
  latest().hello();
  latest().breakOff();
  vi.advanceTimersByTime(260);
  expect(sockets).toHaveLength(6);
});

test("a server that falls silent is left", () => {
  latest().hello();
  vi.advanceTimersByTime(20_000);
  expect(latest().sent.at(-1)).toEqual({ type: "ping" });
  latest().say({ type: "pong" });
  vi.advanceTimersByTime(20_000 + 10_000);
  expect(connection.getState().status).toBe("reconnecting");
});

test("another version of the server is told", () => {
  latest().hello("1.0.0");
  latest().breakOff();
  vi.advanceTimersByTime(300);
  latest().hello("1.1.0");
  expect(connection.getState()).toEqual({ status: "live", newVersion: true });
});

test("what was ended by the server is over, and is not asked for again", () => {
  const ended: string[] = [];
  connection.subscribe(
    "project.changes",
    { project: "gone" },
    { delta: () => {}, ended: (code) => ended.push(code) },
  );
  latest().hello();
  latest().say({ type: "ended", id: "s1", code: "NOT_FOUND", message: "…" });
  latest().breakOff();
  vi.advanceTimersByTime(300);
  latest().hello();
  expect(ended).toEqual(["NOT_FOUND"]);
  expect(latest().sent).toEqual([]);
});

test("messages of a connection that was left mean nothing", () => {
  const { seen } = follow();
  const old = latest();
  old.hello();
  old.breakOff();
  vi.advanceTimersByTime(300);
  old.say({ type: "delta", id: "s1", seq: 9 });
  expect(seen).toEqual([]);
});

test("whoever ends a subscription is told nothing more", () => {
  const { seen, end } = follow();
  latest().hello();
  end();
  expect(latest().sent.at(-1)).toEqual({ type: "unsubscribe", id: "s1" });
  latest().say({ type: "delta", id: "s1", seq: 1 });
  expect(seen).toEqual([]);
});

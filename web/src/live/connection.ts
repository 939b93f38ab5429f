// The one WebSocket of this tab. Many subscriptions; each goes on where it was after a break, with nothing lost and
// nothing doubled: it remembers the last number it had and asks for what came after.
import type { Schemas } from "@/api/client";

export type LiveDelta = Schemas["LiveDelta"];

/** What a subscription is told. */
export type LiveHandlers = {
  /** What there is now. Whatever was told before is void. */
  snapshot?: (data: Schemas["LiveSnapshot"], seq: number) => void;
  delta: (delta: LiveDelta) => void;
  transient?: (transient: Schemas["LiveTransient"]) => void;
  /** It is over: the caller may not see it any more, or it is not there. */
  ended?: (code: string, message: string) => void;
};

export type LiveStatus = "connecting" | "live" | "reconnecting" | "offline";

export type LiveState = {
  status: LiveStatus;
  /** The server was replaced by another version since this page was loaded. */
  newVersion: boolean;
};

type Subscription = {
  id: string;
  query: Schemas["LiveQuery"];
  args: Schemas["LiveArguments"];
  after: number | undefined;
  handlers: LiveHandlers;
};

const FIRST_WAIT = 250;
const LONGEST_WAIT = 15_000;
/** How long the server may be silent before it is asked whether it is there. */
const QUIET = 20_000;
const ANSWER_WITHIN = 10_000;

export type Sockets = (url: string) => WebSocket;

export class LiveConnection {
  private socket: WebSocket | undefined;
  private readonly subscriptions = new Map<string, Subscription>();
  private readonly listeners = new Set<() => void>();
  private state: LiveState = { status: "connecting", newVersion: false };
  private version: string | undefined;
  private failures = 0;
  private next = 1;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stopped = true;

  constructor(
    private readonly url: string,
    private readonly open: Sockets = (url) => new WebSocket(url),
  ) {}

  start(): void {
    if (this.stopped) {
      this.stopped = false;
      globalThis.addEventListener?.("online", this.reconnectNow);
      globalThis.addEventListener?.("offline", this.wentOffline);
      this.connect();
    }
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    globalThis.removeEventListener?.("online", this.reconnectNow);
    globalThis.removeEventListener?.("offline", this.wentOffline);
    this.drop();
  }

  /** Begins to follow; the answer ends it. `after` is the last number that is known already. */
  subscribe(
    query: Schemas["LiveQuery"],
    args: Schemas["LiveArguments"],
    handlers: LiveHandlers,
    after?: number,
  ): () => void {
    const id = `s${this.next++}`;
    const subscription: Subscription = { id, query, args, after, handlers };
    this.subscriptions.set(id, subscription);
    this.ask(subscription);
    return () => {
      if (this.subscriptions.delete(id)) {
        this.send({ type: "unsubscribe", id });
      }
    };
  }

  getState = (): LiveState => this.state;

  onState = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  reconnectNow = (): void => {
    if (!this.stopped && this.state.status !== "live") {
      clearTimeout(this.timer);
      this.drop();
      this.connect();
    }
  };

  private readonly wentOffline = (): void => {
    this.drop();
    clearTimeout(this.timer);
    this.set({ status: "offline" });
  };

  private connect(): void {
    const socket = this.open(this.url);
    this.socket = socket;
    socket.onmessage = (message) => {
      if (socket === this.socket) {
        this.watch();
        this.take(JSON.parse(String(message.data)) as Schemas["ServerMessage"]);
      }
    };
    socket.onclose = () => {
      if (socket === this.socket) {
        this.retry();
      }
    };
  }

  private take(message: Schemas["ServerMessage"]): void {
    switch (message.type) {
      case "hello": {
        this.failures = 0;
        this.version ??= message.version;
        this.set({ status: "live", newVersion: message.version !== this.version });
        for (const subscription of this.subscriptions.values()) {
          this.ask(subscription);
        }
        break;
      }
      case "snapshot": {
        const subscription = this.subscriptions.get(message.id);
        if (subscription) {
          subscription.after = message.seq;
          subscription.handlers.snapshot?.(message.data, message.seq);
        }
        break;
      }
      case "delta": {
        const subscription = this.subscriptions.get(message.id);
        // What a subscription has it does not take twice, whatever is sent.
        if (subscription && message.seq > (subscription.after ?? 0)) {
          subscription.after = message.seq;
          subscription.handlers.delta(message);
        }
        break;
      }
      case "transient":
        this.subscriptions.get(message.id)?.handlers.transient?.(message.transient);
        break;
      case "reset": {
        const subscription = this.subscriptions.get(message.id);
        if (subscription) {
          subscription.after = undefined;
        }
        break;
      }
      case "ended":
        this.end(message.id, message.code, message.message);
        break;
      case "error":
        if (message.id) {
          this.end(message.id, message.code, message.message);
        }
        break;
      case "pong":
        break;
    }
  }

  private end(id: string, code: string, message: string): void {
    const subscription = this.subscriptions.get(id);
    this.subscriptions.delete(id);
    subscription?.handlers.ended?.(code, message);
  }

  private ask(subscription: Subscription): void {
    const { id, query, args, after } = subscription;
    this.send({ type: "subscribe", id, query, args, ...(after === undefined ? {} : { after }) });
  }

  private send(message: Schemas["ClientMessage"]): void {
    if (this.socket?.readyState === 1 && this.state.status === "live") {
      this.socket.send(JSON.stringify(message));
    }
  }

  /** Asks a silent server whether it is there, and takes no answer for a broken connection. */
  private watch(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.send({ type: "ping" });
      this.timer = setTimeout(() => {
        this.drop();
        this.retry();
      }, ANSWER_WITHIN);
    }, QUIET);
  }

  private retry(): void {
    clearTimeout(this.timer);
    this.socket = undefined;
    if (this.stopped) {
      return;
    }
    const offline = typeof navigator !== "undefined" && navigator.onLine === false;
    this.set({ status: offline ? "offline" : "reconnecting" });
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.failures++);
    // Not all tabs at once when a server comes back.
    this.timer = setTimeout(() => this.connect(), wait * (0.5 + Math.random() / 2));
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = undefined;
    socket?.close();
  }

  private set(change: Partial<LiveState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) {
      listener();
    }
  }
}

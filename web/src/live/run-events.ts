// What happens in a run, as far as this tab has read it: append-only, in the order of the server's numbers. Kept outside
// of React; a screen is told once a frame at most, however fast events come.
import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { Schemas } from "@/api/client";
import type { LiveConnection } from "./connection";
import { useLive } from "./context";
import { endOf, PAGE, type Page, pageOf, type RunEvent, takeEnd } from "./run-page";

export type { RunEvent } from "./run-page";

export type RunEvents = {
  /** In order, from `events[0].seq` on without a gap. */
  events: readonly RunEvent[];
  /** There are older ones that were not read, or are not kept any more. */
  hasOlder: boolean;
  /** How many came after `events` and were left with the server, since somebody reads far above the end. */
  newer: number;
  /** What is being written and not kept yet, by step. */
  pieces: ReadonlyMap<string, { kind: string; text: string }>;
  /** How far the preparation is, or what the platform waits for. */
  notice: string | null;
  loading: boolean;
};

const LARGE_PAGE = 1000;
/** While the end is followed, what is far above it goes: an agent may talk for days. It is read again when wanted. */
const KEPT_AT_END = 3_500;
const TRIMMED_TO = 3_000;
/** Nothing goes while somebody reads; from here on nothing is added at the end either. */
const KEPT_FOR_READER = 20_000;
const FIRST_WAIT = 250;
const LONGEST_WAIT = 15_000;
const nothing: RunEvents = {
  events: [],
  hasOlder: false,
  newer: 0,
  pieces: new Map(),
  notice: null,
  loading: true,
};

export class RunEventStore {
  private state: RunEvents = nothing;
  private pending: RunEvent[] = [];
  private pieces = new Map<string, { kind: string; text: string }>();
  private notice: string | null = null;
  private listeners = new Set<() => void>();
  private frame: number | undefined;
  private stop: (() => void) | undefined;
  private reading = false;
  private following = false;
  private left = 0;
  /** The number of the last event that is known, whether it is kept or not. */
  private last = 0;

  constructor(
    private readonly live: LiveConnection,
    private readonly slug: string,
    private readonly run: string,
  ) {
    const page = takeEnd(slug, run);
    if (page) {
      this.takesEnd(page);
    }
  }

  /** Reads the end of the run, unless it is here, then follows it. The answer ends that. */
  open(): () => void {
    let closed = false;
    const keepReading = async (): Promise<number> => {
      for (let wait = FIRST_WAIT; ; wait = Math.min(LONGEST_WAIT, wait * 2)) {
        try {
          return await this.readEnd();
        } catch {
          // The server is away, or comes just back: the frame says so, and the page waits for it.
          await new Promise((waited) => setTimeout(waited, wait));
        }
        if (closed) {
          return this.last;
        }
      }
    };
    const follow = (last: number) => {
      if (!closed) {
        this.stop = this.live.subscribe(
          "run.events",
          { project: this.slug, run: this.run },
          {
            // What came while nobody was connected and cannot be told one by one is read again.
            snapshot: (_, seq) => void (seq > this.last && keepReading()),
            delta: (delta) => delta.event && this.append(delta.seq, delta.event),
            transient: (transient) => this.show(transient),
          },
          last,
        );
      }
    };
    if (this.state.loading) {
      void keepReading().then(follow);
    } else {
      follow(this.last);
    }
    return () => {
      closed = true;
      this.stop?.();
      if (this.frame !== undefined) {
        cancelAnimationFrame(this.frame);
      }
    };
  }

  getState = (): RunEvents => this.state;

  onState = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Whether the end is what is looked at. */
  follow(following: boolean): void {
    this.following = following;
    if (following && this.left > 0) {
      // When it does not answer, there is still what is shown, and another way to the end.
      this.readEnd().catch(() => {});
    } else if (following) {
      this.schedule();
    }
  }

  /** Reads the page before the oldest event. */
  readOlder = async (limit = PAGE): Promise<void> => {
    const first = this.state.events[0]?.seq;
    if (this.reading || !this.state.hasOlder || first === undefined) {
      return;
    }
    this.reading = true;
    try {
      const page = await pageOf(this.slug, this.run, { before: first, limit });
      this.set({ events: [...page.data, ...this.state.events], hasOlder: page.hasMore });
    } finally {
      this.reading = false;
    }
  };

  /** Reads back to an event, or to the first one; ends early when `stopped` says so. */
  async readBackTo(seq: number, stopped: () => boolean = () => false): Promise<void> {
    while (!stopped() && this.state.hasOlder && (this.state.events[0]?.seq ?? 0) > seq) {
      const before = this.state.events[0]?.seq;
      await this.readOlder(LARGE_PAGE);
      if (before === this.state.events[0]?.seq) {
        return;
      }
    }
  }

  private async readEnd(): Promise<number> {
    return this.takesEnd(await endOf(this.slug, this.run));
  }

  private takesEnd(page: Page): number {
    const end = page.data.at(-1)?.seq ?? 0;
    // What came while the page was on its way goes after it, once.
    this.pending = this.pending.filter(({ seq }) => seq > end);
    this.last = Math.max(this.last, end);
    this.left = 0;
    this.set({ events: page.data, hasOlder: page.hasMore, newer: 0, loading: false });
    return this.last;
  }

  private append(seq: number, event: Schemas["LiveEvent"]): void {
    if (seq <= this.last) {
      return;
    }
    this.last = seq;
    if (!this.following && this.state.events.length + this.pending.length >= KEPT_FOR_READER) {
      this.left++;
      this.schedule();
      return;
    }
    this.pending.push({ seq, stepId: event.stepId, at: event.at, event: event.event as RunEvent["event"] });
    // What was shown while it was written is here now, whole.
    if (event.stepId) {
      this.pieces.delete(event.stepId);
    }
    this.notice = null;
    this.schedule();
  }

  private show(transient: Schemas["LiveTransient"]): void {
    if (transient.what === "piece") {
      const piece = transient.event as { kind: string; text?: string };
      const before = this.pieces.get(transient.stepId);
      const text = before?.kind === piece.kind ? before.text + (piece.text ?? "") : (piece.text ?? "");
      this.pieces.set(transient.stepId, { kind: piece.kind, text });
    } else if (transient.what === "preparing") {
      this.notice = `${transient.stage} ${transient.detail}`;
    } else if (transient.what === "waiting") {
      this.notice = transient.reason;
    }
    this.schedule();
  }

  private schedule(): void {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      const fresh = this.pending;
      this.pending = [];
      const events = fresh.length > 0 ? this.state.events.concat(fresh) : this.state.events;
      const trimmed = this.following && events.length > KEPT_AT_END;
      this.set({
        events: trimmed ? events.slice(-TRIMMED_TO) : events,
        hasOlder: this.state.hasOlder || trimmed,
        newer: this.left,
        pieces: new Map(this.pieces),
        notice: this.notice,
      });
    });
  }

  private set(change: Partial<RunEvents>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) {
      listener();
    }
  }
}

/** The events of a run, followed for as long as the screen is shown. What shows them listens with `useRunEvents`. */
export function useRunEventStore(slug: string, run: string): RunEventStore {
  const live = useLive();
  const store = useMemo(() => new RunEventStore(live, slug, run), [live, slug, run]);
  useEffect(() => store.open(), [store]);
  return store;
}

/** Draws anew whenever there is something new: for what shows events, not for the page around it. */
export function useRunEvents(store: RunEventStore): RunEvents {
  return useSyncExternalStore(store.onState, store.getState);
}

/** What the platform says it waits for, alone: it changes seldom. */
export function useRunNotice(store: RunEventStore): string | null {
  return useSyncExternalStore(store.onState, () => store.getState().notice);
}

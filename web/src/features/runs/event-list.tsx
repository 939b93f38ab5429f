// A list of what happens, made of the events of a run: it follows its end while nobody scrolls up, reads what was before
// when somebody comes near it, and draws only the rows that are on the screen.
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown } from "lucide-react";
import {
  type ReactNode,
  type Ref,
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { useTranslations } from "use-intl";
import { useCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { cn } from "@/lib/cn";
import type { RunEventStore, RunEvents } from "@/live/run-events";

/** In pixels: who is so near is at the end, and whoever is so near to the beginning wants what was before it. */
const NEAR_END = 24;
const NEAR_BEGINNING = 600;
/** How many rows beyond what is on the screen are drawn, so that they are there when one scrolls. */
const BEYOND = 8;
/** How much of the window the list probably takes, before that is known. */
const SHARE = 0.8;
/** In milliseconds: what happened so lately is the cause of a scrolling. */
const RECENT = 1_000;

/** What one event, or several, are shown as. */
export type EventRow = {
  /** The same for the same row, whatever comes before or after it. */
  key: string;
  /** The number of its first event. */
  seq: number;
  /** When it was; empty for what stands between the events, such as a heading. */
  at: string;
};

export type EventListHandle = { show: (index: number) => void };

type EventListProps<Row extends EventRow> = {
  label: string;
  store: RunEventStore;
  events: RunEvents;
  rows: readonly Row[];
  /** How high a row probably is, in pixels. Asked often: the same row gets the same answer soon. */
  estimate: (row: Row) => number;
  draw: (row: Row, index: number) => ReactNode;
  /** The event to begin at; the end, unless one is named. */
  event?: number | undefined;
  /** Nothing that was read may go, since all of it is looked through. */
  whole?: boolean;
  /** What is below the last row. */
  children?: ReactNode;
  className?: string;
  ref?: Ref<EventListHandle>;
};

export function EventList<Row extends EventRow>({
  label,
  store,
  events,
  rows,
  estimate,
  draw,
  event,
  whole = false,
  children,
  className,
  ref,
}: EventListProps<Row>) {
  const t = useTranslations("transcript");
  const scroller = useRef<HTMLElement>(null);
  const [following, setFollowing] = useState(event === undefined);
  const [seen, setSeen] = useState(0);
  // The same one for the same rows: with another one the place of every row is computed anew.
  const keyOf = useCallback((index: number) => rows[index]?.key ?? index, [rows]);
  const estimateSize = (index: number) => {
    const row = rows[index];
    return row ? estimate(row) : 0;
  };
  const started = useRef(false);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize,
    getItemKey: keyOf,
    // First of all what is on the screen: one waits for it.
    overscan: started.current ? BEYOND : 1,
    // At its end from the first drawing on, which is what most come for: what is drawn then stays on the screen.
    initialRect: { width: 0, height: innerHeight * SHARE },
    initialOffset: () =>
      event === undefined
        ? Math.max(0, rows.reduce((sum, row) => sum + estimate(row), 0) - innerHeight * SHARE)
        : 0,
    anchorTo: "end",
    followOnAppend: following,
  });
  const toEnd = () => {
    setFollowing(true);
    // The end, and not the last row: what is read before the first one meanwhile would make it another one.
    virtual.scrollToEnd();
  };
  const show = (index: number) => {
    setFollowing(false);
    virtual.scrollToIndex(index, { align: "center" });
  };
  useImperativeHandle(ref, () => ({ show }));
  useCommands([{ id: "to-end", title: t("toEnd"), group: "here", keys: "shift+g", run: toEnd }]);
  const oldest = events.events[0]?.seq ?? 0;
  // What a link names may be long ago: it is read back to first.
  const waits = event !== undefined && events.hasOlder && oldest > event;
  useEffect(() => {
    if (waits && event !== undefined) {
      let stopped = false;
      store.readBackTo(event, () => stopped).catch(() => {});
      return () => {
        stopped = true;
      };
    }
    return undefined;
  }, [store, waits, event]);
  const last = rows.findLast((row) => row.at)?.seq ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the first rows are there, and before they are painted
  useLayoutEffect(() => {
    if (!started.current && rows.length > 0 && !waits) {
      started.current = true;
      const named = event === undefined ? -1 : rows.findIndex((row) => row.seq >= event && row.at !== "");
      // What was there before anybody looked is not new to them.
      setSeen(last);
      if (named >= 0) {
        show(named);
      } else {
        virtual.scrollToEnd();
      }
    }
  }, [rows.length, waits]);
  useEffect(() => {
    if (following) {
      setSeen(last);
    }
  }, [following, last]);
  // While the end is followed the store lets go of what is far above it.
  const atEnd = following && !whole;
  useEffect(() => {
    store.follow(atEnd);
    return () => store.follow(false);
  }, [store, atEnd]);
  const first = rows[0]?.key;
  // biome-ignore lint/correctness/useExhaustiveDependencies: when the first row is another one
  useEffect(() => {
    // What is not kept any more needs no height; over days the heights alone would be many.
    const kept = new Set<unknown>(rows.map(({ key }) => key));
    for (const key of virtual.itemSizeCache.keys()) {
      if (!kept.has(key)) {
        virtual.itemSizeCache.delete(key);
      }
    }
  }, [virtual, first]);
  const handled = useRef(Number.NEGATIVE_INFINITY);
  const handles = () => {
    handled.current = performance.now();
  };
  const dropped = useRef(Number.NEGATIVE_INFINITY);
  const isRecent = (moment: number) => performance.now() - moment < RECENT;
  const scrolled = () => {
    const element = scroller.current;
    if (!element) {
      return;
    }
    const below = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (below < NEAR_END) {
      setFollowing(true);
    } else if (
      virtual.scrollDirection === "backward" &&
      (isRecent(handled.current) || !isRecent(dropped.current))
    ) {
      setFollowing(false);
    }
    if (element.scrollTop < NEAR_BEGINNING) {
      store.readOlder().catch(() => {});
    }
  };
  const before = useRef(oldest);
  // biome-ignore lint/correctness/useExhaustiveDependencies: when the oldest rows went, or others were put before them
  useLayoutEffect(() => {
    const known = before.current;
    before.current = oldest;
    dropped.current = performance.now();
    if (!started.current) {
      return;
    }
    if (following && !isRecent(handled.current)) {
      // The list itself stays at its end when rows come, but not when rows go: it scrolls back, and nobody wanted that.
      virtual.scrollToEnd();
    } else if (!following && oldest < known && (scroller.current?.scrollTop ?? 0) < NEAR_BEGINNING) {
      // It keeps what is looked at in its place when a page is put before it, but not while it is still scrolling there.
      const index = rows.findIndex((row) => row.seq >= known && row.at !== "");
      virtual.scrollToIndex(index, { align: "start" });
    }
  }, [oldest]);
  const fresh = following ? 0 : events.newer + rows.filter((row) => row.at && row.seq > seen).length;
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <section
        ref={scroller}
        aria-label={label}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keyboard
        tabIndex={0}
        onScroll={scrolled}
        onWheel={handles}
        onTouchMove={handles}
        onPointerDown={handles}
        onPointerMove={(moved) => moved.buttons > 0 && handles()}
        onKeyDown={handles}
        className={cn("min-h-0 flex-1 overflow-y-auto focus-visible:-outline-offset-2", className)}
      >
        <div className="relative w-full" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            return row ? (
              <div
                key={item.key}
                data-index={item.index}
                ref={virtual.measureElement}
                className="absolute top-0 left-0 w-full"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                {draw(row, item.index)}
              </div>
            ) : null;
          })}
        </div>
        {children}
      </section>
      {following ? null : (
        <Button
          className="absolute right-4 bottom-4 shadow-md"
          size="small"
          variant="secondary"
          onClick={toEnd}
        >
          <ArrowDown aria-hidden />
          {fresh > 0 ? t("fresh", { count: fresh }) : t("toEnd")}
        </Button>
      )}
    </div>
  );
}

// The transcript of a run: follows its end while nobody scrolls up, draws only the rows that are on the screen.
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp, Clock } from "lucide-react";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { useCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Skeleton } from "@/components/ui/skeleton";
import { Tooltip } from "@/components/ui/tooltip";
import { cn } from "@/lib/cn";
import { useKept } from "@/lib/kept";
import { type RunEventStore, useRunEvents } from "@/live/run-events";
import { TranscriptRow } from "./transcript-row";
import { type Row, TranscriptRows } from "./transcript-rows";

/** In pixels: who is so near is at the end, and whoever is so near to the beginning wants what was before it. */
const NEAR_END = 24;
const NEAR_BEGINNING = 600;
/** In milliseconds: what happened so lately is the cause of a scrolling. */
const RECENT = 1_000;

type TranscriptProps = {
  run: Schemas["RunDetail"];
  events: RunEventStore;
  step: string | undefined;
  /** The event that a link names. */
  event: number | undefined;
};

export function Transcript({ run, events: store, step, event }: TranscriptProps) {
  const t = useTranslations("transcript");
  const words = useTranslations("run");
  const events = useRunEvents(store);
  const maker = useMemo(() => new TranscriptRows(step), [step]);
  const rows = maker.of(events.events, events.pieces);
  const [sought, setSought] = useState("");
  const found = useMemo(() => find(rows, sought), [rows, sought]);
  const reading = useReadAll(store, sought !== "");
  const [times, setTimes] = useKept("transcript.times", ["hidden", "shown"], "hidden");
  const [at, setAt] = useState(0);
  const labels = useMemo(
    () =>
      new Map(
        run.steps.map((each) => [each.id, words("step", { role: each.role, iteration: each.iteration })]),
      ),
    [run.steps, words],
  );
  const scroller = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const [following, setFollowing] = useState(event === undefined);
  const [seen, setSeen] = useState(0);
  // The same one for the same rows: with another one the place of every row is computed anew.
  const keyOf = useCallback((index: number) => rows[index]?.key ?? index, [rows]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 40,
    getItemKey: keyOf,
    overscan: 8,
    anchorTo: "end",
    followOnAppend: following,
  });
  useCommands([
    { id: "search-run", title: t("search"), group: "here", keys: "/", run: () => search.current?.focus() },
    { id: "to-end", title: t("toEnd"), group: "here", keys: "shift+g", run: () => toEnd() },
    {
      id: "times",
      title: t(times === "shown" ? "hideTimes" : "showTimes"),
      group: "here",
      keys: "t",
      run: () => setTimes(times === "shown" ? "hidden" : "shown"),
    },
  ]);
  const toEnd = () => {
    setFollowing(true);
    // The end, and not the last row: what is read before the first one meanwhile would make it another one.
    virtual.scrollToEnd();
  };
  const show = (index: number) => {
    setFollowing(false);
    virtual.scrollToIndex(index, { align: "center" });
  };
  const started = useRef(false);
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
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the first rows are there
  useEffect(() => {
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
  // Whoever looks for something reads all of the run, so nothing of it may go.
  const atEnd = following && sought === "";
  useEffect(() => {
    store.follow(atEnd);
    return () => store.follow(false);
  }, [store, atEnd]);
  const first = rows[0]?.seq ?? 0;
  useEffect(() => {
    // What is not kept any more needs no height; over days the heights alone would be many.
    for (const key of virtual.itemSizeCache.keys()) {
      if (Number(String(key).replace(/^\D+/, "")) < first) {
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
      const first = rows.findIndex((row) => row.seq >= known && row.kind !== "step");
      virtual.scrollToIndex(first, { align: "start" });
    }
  }, [oldest]);
  const fresh = following ? 0 : events.newer + rows.filter((row) => row.at && row.seq > seen).length;
  const goTo = (next: number) => {
    const index = (next + found.length) % found.length;
    setAt(index);
    show(found[index] ?? 0);
  };
  if (events.loading) {
    return (
      <div className="grid gap-3 p-4">
        <Skeleton className="h-5 w-2/3" />
        <Skeleton className="h-16 w-full" />
        <Skeleton className="h-5 w-1/2" />
      </div>
    );
  }
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <div className="flex items-center gap-2 border-b px-3 py-1.5">
        <Input
          ref={search}
          type="search"
          className="h-7 max-w-72"
          aria-label={t("search")}
          placeholder={t("search")}
          value={sought}
          onChange={(change) => {
            setSought(change.target.value);
            setAt(0);
          }}
          onKeyDown={(pressed) => {
            if (pressed.key === "Enter" && found.length > 0) {
              goTo(at + (pressed.shiftKey ? -1 : 1));
            } else if (pressed.key === "Escape") {
              setSought("");
              pressed.currentTarget.blur();
            }
          }}
        />
        <span role="status" className="tabular text-muted-foreground text-xs">
          {sought
            ? reading
              ? t("searching", { count: found.length })
              : found.length > 0
                ? t("matchOf", { at: Math.min(at, found.length - 1) + 1, count: found.length })
                : t("matches", { count: 0 })
            : null}
        </span>
        {sought && found.length > 0 ? (
          <span className="flex">
            <Button
              size="icon-small"
              variant="ghost"
              aria-label={t("previousMatch")}
              onClick={() => goTo(at - 1)}
            >
              <ArrowUp aria-hidden />
            </Button>
            <Button
              size="icon-small"
              variant="ghost"
              aria-label={t("nextMatch")}
              onClick={() => goTo(at + 1)}
            >
              <ArrowDown aria-hidden />
            </Button>
          </span>
        ) : null}
        <Tooltip label={t(times === "shown" ? "hideTimes" : "showTimes")} keys="t">
          <Button
            size="icon-small"
            variant="ghost"
            className={cn("ml-auto", times === "shown" && "bg-accent text-foreground")}
            aria-pressed={times === "shown"}
            aria-label={t("showTimes")}
            onClick={() => setTimes(times === "shown" ? "hidden" : "shown")}
          >
            <Clock aria-hidden />
          </Button>
        </Tooltip>
      </div>
      {rows.length === 0 ? (
        <p className="p-4 text-muted-foreground">{t("nothing", { status: run.status })}</p>
      ) : null}
      <section
        ref={scroller}
        aria-label={t("title")}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keyboard
        tabIndex={0}
        onScroll={scrolled}
        onWheel={handles}
        onTouchMove={handles}
        onPointerDown={handles}
        onPointerMove={(moved) => moved.buttons > 0 && handles()}
        onKeyDown={handles}
        className="min-h-0 flex-1 overflow-y-auto focus-visible:-outline-offset-2"
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
                <TranscriptRow
                  row={row}
                  images={run.images}
                  marked={(row.seq === event && row.kind !== "step") || found[at] === item.index}
                  times={times === "shown"}
                  label={row.kind === "step" ? labels.get(row.stepId ?? "") : undefined}
                />
              </div>
            ) : null;
          })}
        </div>
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

/** Reads all of the run while somebody searches in it; tells whether it still does. */
function useReadAll(store: RunEventStore, wanted: boolean): boolean {
  const [reading, setReading] = useState(false);
  useEffect(() => {
    if (!wanted) {
      return;
    }
    let stopped = false;
    setReading(true);
    const done = () => !stopped && setReading(false);
    store.readBackTo(0, () => stopped).then(done, done);
    return () => {
      stopped = true;
    };
  }, [store, wanted]);
  return wanted && reading;
}

const lowered = new WeakMap<Row, string>();

function textOf(row: Row): string {
  const known = lowered.get(row);
  if (known !== undefined) {
    return known;
  }
  const { key: _, seq: __, at: ___, stepId: ____, kind: _____, ...said } = row;
  const text = Object.values(said)
    .map((value) => (typeof value === "string" ? value : JSON.stringify(value)))
    .join("\n")
    .toLowerCase();
  lowered.set(row, text);
  return text;
}

/** The rows in which a text occurs. */
function find(rows: readonly Row[], sought: string): number[] {
  const wanted = sought.trim().toLowerCase();
  if (!wanted) {
    return [];
  }
  return rows.flatMap((row, index) => (textOf(row).includes(wanted) ? [index] : []));
}

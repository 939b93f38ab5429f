import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { useFormatter, useTranslations } from "use-intl";
import { cn } from "@/lib/cn";
import { type RunEventStore, useRunEvents } from "@/live/run-events";
import { SaveLog } from "./save-log";

/** Every event as it was recorded. */
type RawEventsProps = {
  slug: string;
  run: string;
  events: RunEventStore;
  step: string | undefined;
  /** The event that is looked for. */
  event: number | undefined;
};

export function RawEvents({ slug, run, events: store, step, event: sought }: RawEventsProps) {
  const events = useRunEvents(store);
  const t = useTranslations("raw");
  const format = useFormatter();
  const scroller = useRef<HTMLElement>(null);
  const shown = useMemo(
    () => (step ? events.events.filter((event) => event.stepId === step) : events.events),
    [events.events, step],
  );
  // The same one for the same events: with another one the place of every event is computed anew.
  const keyOf = useCallback((index: number) => shown[index]?.seq ?? index, [shown]);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 44,
    getItemKey: keyOf,
    overscan: 10,
  });
  const index = sought === undefined ? -1 : shown.findIndex((event) => event.seq >= sought);
  const there = index >= 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when it is there; then the reader scrolls
  useEffect(() => {
    if (there) {
      virtual.scrollToIndex(index, { align: "center" });
    }
  }, [there, sought]);
  return (
    <>
      <div className="flex min-h-10 items-center justify-end gap-2 border-b px-3 py-1.5">
        <SaveLog key={step ?? ""} slug={slug} run={run} step={step} />
      </div>
      <section
        ref={scroller}
        aria-label={t("title")}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keyboard
        tabIndex={0}
        className="min-h-0 flex-1 overflow-y-auto font-mono text-xs focus-visible:-outline-offset-2"
        onScroll={(event) => event.currentTarget.scrollTop < 600 && void store.readOlder().catch(() => {})}
      >
        <div className="relative w-full" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const event = shown[item.index];
            return event ? (
              <div
                key={item.key}
                data-index={item.index}
                ref={virtual.measureElement}
                className={cn(
                  "absolute top-0 left-0 grid w-full grid-cols-[4rem_6rem_minmax(0,1fr)] gap-x-2 border-b px-4 py-1 max-sm:grid-cols-[auto_1fr]",
                  event.seq === sought && "bg-primary/10",
                )}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <span className="tabular text-muted-foreground">{event.seq}</span>
                <time dateTime={event.at} className="text-muted-foreground">
                  {format.dateTime(new Date(event.at), { timeStyle: "medium" })}
                </time>
                <span className="whitespace-pre-wrap break-all in-data-[wrap=off]:whitespace-pre max-sm:col-span-2">
                  {JSON.stringify(event.event)}
                </span>
              </div>
            ) : null;
          })}
        </div>
      </section>
    </>
  );
}

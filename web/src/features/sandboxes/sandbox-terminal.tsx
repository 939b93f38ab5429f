// The terminal of a sandbox, to be read: what ran in it with what it wrote, following the end while nobody scrolls up.
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, SquareTerminal } from "lucide-react";
import { memo, useEffect, useMemo, useRef, useState } from "react";
import { useTranslations } from "use-intl";
import { useCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Skeleton } from "@/components/ui/skeleton";
import { ansi } from "@/lib/ansi";
import { cn } from "@/lib/cn";
import { duration } from "@/lib/format";
import { type RunEventStore, useRunEvents } from "@/live/run-events";
import { type Line, screenOf } from "./terminal-lines";

type SandboxTerminalProps = {
  events: RunEventStore;
  step: string;
  /** Whether something may still come. */
  alive: boolean;
};

export function SandboxTerminal({ events: store, step, alive }: SandboxTerminalProps) {
  const t = useTranslations("sandboxes");
  const words = useTranslations("transcript");
  const events = useRunEvents(store);
  const { lines, working } = useMemo(() => screenOf(events.events, step), [events.events, step]);
  const [following, setFollowing] = useState(true);
  const scroller = useRef<HTMLElement>(null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 18,
    getItemKey: (index) => lines[index]?.key ?? index,
    overscan: 10,
    anchorTo: "end",
    followOnAppend: following,
  });
  const toEnd = () => {
    setFollowing(true);
    virtual.scrollToIndex(lines.length - 1, { align: "end" });
  };
  useCommands([{ id: "to-end", title: words("toEnd"), group: "here", keys: "shift+g", run: toEnd }]);
  const started = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the first lines are there
  useEffect(() => {
    if (!started.current && lines.length > 0) {
      started.current = true;
      toEnd();
    }
  }, [lines.length]);
  // While the end is followed the store lets go of what is far above it.
  useEffect(() => {
    store.follow(following);
    return () => store.follow(false);
  }, [store, following]);
  if (events.loading) {
    return (
      <div className="grid gap-2 p-4">
        <Skeleton className="h-4 w-1/3" />
        <Skeleton className="h-4 w-2/3" />
        <Skeleton className="h-4 w-1/2" />
      </div>
    );
  }
  if (lines.length === 0 && !events.hasOlder) {
    return (
      <EmptyState icon={SquareTerminal} title={t("terminal.nothing")}>
        {alive ? t("terminal.nothingWhy") : null}
      </EmptyState>
    );
  }
  const scrolled = () => {
    const element = scroller.current;
    if (!element) {
      return;
    }
    const below = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (below < 24) {
      setFollowing(true);
    } else if (virtual.scrollDirection === "backward") {
      setFollowing(false);
    }
    if (element.scrollTop < 600) {
      store.readOlder().catch(() => {});
    }
  };
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <section
        ref={scroller}
        aria-label={t("terminal.title")}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keyboard
        tabIndex={0}
        onScroll={scrolled}
        className="min-h-0 flex-1 overflow-y-auto bg-muted/50 py-2 font-mono text-xs leading-4.5 focus-visible:-outline-offset-2"
      >
        <div className="relative w-full" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const line = lines[item.index];
            return line ? (
              <div
                key={item.key}
                data-index={item.index}
                ref={virtual.measureElement}
                className="absolute top-0 left-0 w-full whitespace-pre-wrap break-words px-4"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <TerminalLine line={line} />
              </div>
            ) : null;
          })}
        </div>
        {working && alive ? (
          <p className="flex items-center gap-1.5 px-4 pt-1 text-muted-foreground">
            <span className="inline-block h-3.5 w-1.5 animate-pulse bg-status-running" aria-hidden />
            {words("working")}
          </p>
        ) : null}
      </section>
      {following ? null : (
        <Button
          className="absolute right-4 bottom-4 shadow-md"
          size="small"
          variant="secondary"
          onClick={toEnd}
        >
          <ArrowDown aria-hidden />
          {words("toEnd")}
        </Button>
      )}
    </div>
  );
}

const TerminalLine = memo(function TerminalLine({ line }: { line: Line }) {
  const t = useTranslations("sandboxes");
  const took = (milliseconds: number | undefined) =>
    milliseconds === undefined ? "" : ` · ${duration(milliseconds)}`;
  switch (line.kind) {
    case "command":
      return (
        <p className="pt-1.5 font-semibold">
          <span className="select-none text-status-completed" aria-hidden>
            ${" "}
          </span>
          <Coloured text={line.text} />
        </p>
      );
    case "output":
      return (
        <>
          {line.cut ? <p className="text-muted-foreground italic">{t("terminal.cut")}</p> : null}
          <Coloured text={line.text} />
        </>
      );
    case "error":
      return (
        <p className="text-destructive">
          <Coloured text={line.text} />
        </p>
      );
    case "check":
      return (
        <p className="pt-1.5">
          <span className="font-semibold">{t("terminal.check", { name: line.name })}</span>{" "}
          <span className={line.code === 0 ? "text-status-completed" : "text-status-failed"}>
            {line.code === undefined ? t("terminal.noCode") : t("terminal.code", { code: line.code })}
            {took(line.durationMs)}
          </span>
        </p>
      );
    case "phase":
      return (
        <p className={cn("text-muted-foreground", line.state === "failed" && "text-status-failed")}>
          <span aria-hidden>── </span>
          {t(line.state === "started" ? "terminal.begins" : "terminal.ends", { phase: line.phase })}
          {took(line.durationMs)}
        </p>
      );
  }
});

function Coloured({ text }: { text: string }) {
  return ansi(text).map((span, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: spans are made anew with the text
    <span key={index} className={span.className}>
      {span.text}
    </span>
  ));
}

// The terminal of a sandbox, to be read: what ran in it with what it wrote.
import { SquareTerminal } from "lucide-react";
import { memo, useMemo } from "react";
import { useTranslations } from "use-intl";
import { EmptyState } from "@/components/ui/empty-state";
import { Skeleton } from "@/components/ui/skeleton";
import { EventList } from "@/features/runs/event-list";
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

/** In pixels. */
const heightOfLine = () => 18;

export function SandboxTerminal({ events: store, step, alive }: SandboxTerminalProps) {
  const t = useTranslations("sandboxes");
  const words = useTranslations("transcript");
  const events = useRunEvents(store);
  const { lines, working } = useMemo(() => screenOf(events.events, step), [events.events, step]);
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
  return (
    <EventList
      label={t("terminal.title")}
      store={store}
      events={events}
      rows={lines}
      estimate={heightOfLine}
      className="bg-muted/50 py-2 font-mono text-xs leading-4.5"
      draw={(line) => (
        <div className="whitespace-pre-wrap break-words px-4">
          <TerminalLine line={line} />
        </div>
      )}
    >
      {working && alive ? (
        <p className="flex items-center gap-1.5 px-4 pt-1 text-muted-foreground">
          <span className="inline-block h-3.5 w-1.5 animate-pulse bg-status-running" aria-hidden />
          {words("working")}
        </p>
      ) : null}
    </EventList>
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

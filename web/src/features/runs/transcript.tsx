// The transcript of a run, and the search in it.
import { ArrowDown, ArrowUp, Clock } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
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
import { EventList, type EventListHandle } from "./event-list";
import { TranscriptRow } from "./transcript-row";
import { type Row, TranscriptRows } from "./transcript-rows";

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
  // A step of long ago has nothing among the newest events: those before them are read until it has.
  const reading = useReadBack(store, sought !== "" || (rows.length === 0 && events.hasOlder));
  const isPast = step !== undefined && step !== run.steps.at(-1)?.id;
  const [times, setTimes] = useKept("transcript.times", ["hidden", "shown"], "hidden");
  const [at, setAt] = useState(0);
  const labels = useMemo(
    () =>
      new Map(
        run.steps.map((each) => [each.id, words("step", { role: each.role, iteration: each.iteration })]),
      ),
    [run.steps, words],
  );
  const list = useRef<EventListHandle>(null);
  const search = useRef<HTMLInputElement>(null);
  useCommands([
    { id: "search-run", title: t("search"), group: "here", keys: "/", run: () => search.current?.focus() },
    {
      id: "times",
      title: t(times === "shown" ? "hideTimes" : "showTimes"),
      group: "here",
      keys: "t",
      run: () => setTimes(times === "shown" ? "hidden" : "shown"),
    },
  ]);
  const goTo = (next: number) => {
    const index = (next + found.length) % found.length;
    setAt(index);
    list.current?.show(found[index] ?? 0);
  };
  if (events.loading) {
    return <Bones />;
  }
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <div className="flex items-center gap-2 border-b px-4 py-1.5">
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
      {rows.length === 0 && reading ? <Bones /> : null}
      {rows.length === 0 && !reading ? (
        <p className="p-4 text-muted-foreground">{t("nothing", { status: run.status })}</p>
      ) : null}
      <EventList
        ref={list}
        label={t("title")}
        store={store}
        events={events}
        rows={rows}
        estimate={heightOf}
        event={event}
        // Whoever looks for something, or at a step that is over, reads what is not at the end.
        whole={sought !== "" || isPast}
        draw={(row, index) => (
          <TranscriptRow
            row={row}
            images={run.images}
            marked={(row.seq === event && row.kind !== "step") || found[at] === index}
            times={times === "shown"}
            label={row.kind === "step" ? labels.get(row.stepId ?? "") : undefined}
          />
        )}
      />
    </div>
  );
}

const LINE = 24;
const PADDING = 12;
/** How many characters are in a line, about, and of how many the height is found out. */
const WIDTH = 110;
const LOOKED_AT = 4_000;
const heights = new WeakMap<Row, number>();

/** How high a row probably is, in pixels. All but texts are folded to one line. */
function heightOf(row: Row): number {
  if (row.kind !== "text") {
    return LINE + PADDING;
  }
  let height = heights.get(row);
  if (height === undefined) {
    const lines = row.text.slice(0, LOOKED_AT).split("\n");
    height = PADDING + LINE * lines.reduce((sum, line) => sum + Math.ceil(line.length / WIDTH), 0);
    heights.set(row, height);
  }
  return height;
}

/** Reads what was before for as long as it is wanted and there is more; tells whether it still does. */
function useReadBack(store: RunEventStore, wanted: boolean): boolean {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!wanted) {
      return;
    }
    let stopped = false;
    setDone(false);
    const end = () => !stopped && setDone(true);
    store.readBackTo(0, () => stopped).then(end, end);
    return () => {
      stopped = true;
    };
  }, [store, wanted]);
  return wanted && !done;
}

function Bones() {
  return (
    <div className="grid gap-3 p-4">
      <Skeleton className="h-5 w-2/3" />
      <Skeleton className="h-16 w-full" />
      <Skeleton className="h-5 w-1/2" />
    </div>
  );
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

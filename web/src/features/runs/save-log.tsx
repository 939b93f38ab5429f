// Saves what is recorded of a run as a file, an event a line, as the API gives it.
import { Download, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslations } from "use-intl";
import { useCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { useFailure } from "@/features/frame/use-failure";
import { shortId } from "@/lib/format";
import { pagesOf } from "@/live/run-page";

type SaveLogProps = {
  slug: string;
  run: string;
  /** Only its events, when a step is chosen. */
  step: string | undefined;
};

export function SaveLog({ slug, run, step }: SaveLogProps) {
  const t = useTranslations("raw");
  const fail = useFailure();
  const [read, setRead] = useState<number>();
  const stop = useRef<AbortController>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  const save = async () => {
    const stopping = new AbortController();
    stop.current = stopping;
    const { signal } = stopping;
    setRead(0);
    try {
      // A browser keeps the parts of a large blob on the disk, so that no log is held in memory whole.
      let log = new Blob([], { type: "application/x-ndjson" });
      let count = 0;
      for await (const events of pagesOf(slug, run, signal)) {
        const wanted = step ? events.filter(({ stepId }) => stepId === step) : events;
        log = new Blob([log, ...wanted.map((event) => `${JSON.stringify(event)}\n`)], { type: log.type });
        count += events.length;
        setRead(count);
      }
      give(log, `${[run, step].flatMap((id) => (id ? [shortId(id)] : [])).join("-")}.jsonl`);
    } catch (error) {
      if (!signal.aborted) {
        fail(error);
      }
    }
    setRead(undefined);
  };
  const saving = read !== undefined;
  useCommands(
    saving
      ? []
      : [{ id: "save-log", title: t("save"), group: "here", icon: Download, run: () => void save() }],
  );
  return (
    <>
      <span role="status" className="tabular text-muted-foreground text-xs">
        {saving ? t("saving", { count: read }) : null}
      </span>
      {saving ? (
        <Button size="small" onClick={() => stop.current?.abort()}>
          <X aria-hidden />
          {t("cancel")}
        </Button>
      ) : (
        <Button size="small" onClick={() => void save()}>
          <Download aria-hidden />
          {t("save")}
        </Button>
      )}
    </>
  );
}

/** Has the browser save it. */
function give(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // Not before the browser has begun to read it.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

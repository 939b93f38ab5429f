import { useQueryClient } from "@tanstack/react-query";
import { Square, X } from "lucide-react";
import { useState } from "react";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import { api, done, type Schemas } from "@/api/client";
import { useCommands } from "@/commands/registry";
import { Confirm } from "@/components/ui/alert-dialog";
import { Button } from "@/components/ui/button";
import { useFailure } from "@/features/frame/use-failure";
import { unique } from "@/lib/unique";
import { isUnderWay } from "./status";

type ChosenRunsProps = { slug: string; runs: readonly Schemas["Run"][]; onClear: () => void };

/** What can be done to several runs at once. */
export function ChosenRuns({ slug, runs, onClear }: ChosenRunsProps) {
  const t = useTranslations("runs");
  const client = useQueryClient();
  const fail = useFailure();
  const [asking, setAsking] = useState(false);
  const [stopping, setStopping] = useState(false);
  const stoppable = runs.filter((run) => isUnderWay(run.status));
  const stop = async () => {
    setStopping(true);
    const answers = await Promise.allSettled(
      stoppable.map((run) =>
        done(
          api.POST("/api/v1/projects/{slug}/runs/{run}/cancel", {
            params: { path: { slug, run: run.id }, header: { "Idempotency-Key": unique() } },
          }),
        ),
      ),
    );
    const failed = answers.find((answer) => answer.status === "rejected");
    const stopped = answers.filter((answer) => answer.status === "fulfilled").length;
    if (failed) {
      fail(failed.reason);
    }
    if (stopped > 0) {
      toast(t("stopped", { count: stopped }));
    }
    setStopping(false);
    setAsking(false);
    onClear();
    void client.invalidateQueries({ queryKey: ["runs", slug] });
  };
  useCommands([
    { id: "clear-choice", title: t("clearChoice"), group: "here", keys: "escape", run: onClear },
    ...(stoppable.length > 0
      ? [
          {
            id: "stop-chosen",
            title: t("stopChosen", { count: stoppable.length }),
            group: "here" as const,
            icon: Square,
            run: () => setAsking(true),
          },
        ]
      : []),
  ]);
  return (
    <section
      aria-label={t("chosen", { count: runs.length })}
      className="sticky bottom-4 z-20 mx-auto mt-4 flex w-fit items-center gap-2 rounded-lg border bg-popover px-3 py-2 shadow-lg"
    >
      <span className="tabular">{t("chosen", { count: runs.length })}</span>
      <Button size="small" disabled={stoppable.length === 0} onClick={() => setAsking(true)}>
        <Square aria-hidden />
        {t("stopChosen", { count: stoppable.length })}
      </Button>
      <Button size="icon-small" variant="ghost" aria-label={t("clearChoice")} onClick={onClear}>
        <X aria-hidden />
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={t("stopTitle", { count: stoppable.length })}
        confirmLabel={t("stopChosen", { count: stoppable.length })}
        cancelLabel={t("goOn")}
        busy={stopping}
        onConfirm={() => void stop()}
      >
        {t("stopWhy")}
      </Confirm>
    </section>
  );
}

// The phases of a step on an axis of their own: they explain a step whose agent never answered.
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { cn } from "@/lib/cn";
import { duration } from "@/lib/format";
import { useNow } from "@/lib/use-now";

export function Phases({ step }: { step: Schemas["StepView"] }) {
  const t = useTranslations("run");
  const now = useNow(step.finishedAt === null && (step.phases?.length ?? 0) > 0);
  const phases = step.phases ?? [];
  const first = phases[0];
  if (!first) {
    return null;
  }
  const endOf = (phase: Schemas["PhaseView"]) => (phase.finishedAt ? Date.parse(phase.finishedAt) : now);
  const begin = Date.parse(first.startedAt);
  const span = Math.max(1, Math.max(...phases.map(endOf)) - begin);
  return (
    <div className="grid gap-1">
      <h3 className="font-medium">{t("phases")}</h3>
      <ol className="grid gap-1 text-xs">
        {phases.map((phase) => {
          const from = Date.parse(phase.startedAt);
          const took = Math.max(0, endOf(phase) - from);
          return (
            <li key={phase.name} className="grid grid-cols-[7rem_minmax(0,1fr)_4rem] items-center gap-2">
              <span className="truncate text-muted-foreground">{phase.name}</span>
              <span className="relative block h-1.5 rounded-full bg-muted" aria-hidden>
                <span
                  className={cn(
                    "absolute inset-y-0 min-w-1 rounded-full",
                    phase.finishedAt ? "bg-muted-foreground" : "bg-status-running",
                  )}
                  style={{
                    left: `${Math.min(98, ((from - begin) / span) * 100)}%`,
                    width: `${(took / span) * 100}%`,
                  }}
                />
              </span>
              <span className="tabular text-right">{duration(took)}</span>
            </li>
          );
        })}
      </ol>
    </div>
  );
}

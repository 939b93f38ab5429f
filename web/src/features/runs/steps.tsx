// The steps of a run on one axis of time: what ran when, how long, and how it ended.
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { cn } from "@/lib/cn";
import { duration } from "@/lib/format";
import { useNow } from "@/lib/use-now";
import { isUnderWay, StatusIcon } from "./status";

type Step = Schemas["StepView"];
type StepsProps = {
  run: Schemas["RunDetail"];
  selected: string | undefined;
  onSelect: (step: string) => void;
};

const bars: Record<Step["status"], string> = {
  pending: "border border-dashed border-status-pending",
  running: "bg-status-running",
  completed: "bg-status-completed",
  failed: "bg-status-failed",
  cancelled: "bg-status-cancelled",
};

export function Steps({ run, selected, onSelect }: StepsProps) {
  const t = useTranslations("run");
  const now = useNow(isUnderWay(run.status));
  const begin = Date.parse(run.startedAt ?? run.createdAt);
  const end = run.finishedAt ? Date.parse(run.finishedAt) : Math.max(now, begin + 1000);
  return (
    <section
      aria-label={t("steps")}
      className="w-80 shrink-0 overflow-y-auto border-r max-lg:max-h-64 max-lg:w-full max-lg:border-r-0 max-lg:border-b"
    >
      {run.steps.length === 0 ? (
        <p className="p-4 text-muted-foreground">{t("noSteps")}</p>
      ) : (
        <ol className="grid gap-px p-2">
          {run.steps.map((step) => (
            <li key={`${step.id}-${step.attempt}`}>
              <StepRow
                step={step}
                axis={{ begin, end, now }}
                selected={step.id === selected}
                onSelect={() => onSelect(step.id)}
              />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

type StepRowProps = {
  step: Step;
  axis: { begin: number; end: number; now: number };
  selected: boolean;
  onSelect: () => void;
};

function StepRow({ step, axis, selected, onSelect }: StepRowProps) {
  const t = useTranslations("run");
  const from = step.startedAt ? Date.parse(step.startedAt) : undefined;
  const to = step.finishedAt ? Date.parse(step.finishedAt) : axis.now;
  const span = Math.max(1, axis.end - axis.begin);
  const left = from === undefined ? 0 : ((from - axis.begin) / span) * 100;
  const width = from === undefined ? 0 : ((Math.max(to, from) - from) / span) * 100;
  return (
    <button
      type="button"
      aria-pressed={selected}
      onClick={onSelect}
      className={cn(
        "grid w-full gap-1 rounded-md px-2 py-1.5 text-left hover:bg-accent/70",
        selected && "bg-accent",
      )}
    >
      <span className="flex items-center gap-2">
        <StatusIcon status={step.status} />
        <span className="truncate font-medium">
          {t("step", { role: step.role, iteration: step.iteration })}
        </span>
        {step.attempt > 1 ? (
          <span className="text-muted-foreground text-xs">{t("attempt", { attempt: step.attempt })}</span>
        ) : null}
        <span className="tabular ml-auto whitespace-nowrap text-muted-foreground text-xs">
          {from === undefined ? "" : duration(to - from)}
        </span>
      </span>
      <span className="relative block h-1.5 rounded-full bg-muted" aria-hidden>
        {from === undefined ? null : (
          <span
            className={cn("absolute inset-y-0 min-w-1 rounded-full", bars[step.status])}
            style={{ left: `${Math.min(99, Math.max(0, left))}%`, width: `${Math.min(100, width)}%` }}
          />
        )}
      </span>
      {step.verdict ? (
        <span
          className={cn(
            "line-clamp-3 text-[0.8125rem]",
            step.verdict.verdict === "pass" ? "text-status-completed" : "text-status-failed",
          )}
        >
          {t(step.verdict.verdict === "pass" ? "passed" : "rejected")}
          <span className="text-muted-foreground"> {step.verdict.feedback}</span>
        </span>
      ) : step.failure ? (
        <span className="line-clamp-3 text-[0.8125rem] text-status-failed">{step.failure.message}</span>
      ) : step.summary ? (
        <span className="line-clamp-2 text-[0.8125rem] text-muted-foreground">{step.summary}</span>
      ) : null}
      {step.checks.length > 0 ? (
        <span className="flex flex-wrap gap-x-3 text-xs">
          {step.checks.map((check) => (
            <span key={check.name} className={check.passed ? "text-status-completed" : "text-status-failed"}>
              {check.passed ? "✓" : "✗"} {check.name}
              <span className="sr-only">{t(check.passed ? "checkPassed" : "checkFailed")}</span>
            </span>
          ))}
        </span>
      ) : null}
    </button>
  );
}

// The steps of a run on one axis of time: what ran when, how long, and how it ended. A loop shows its iterations.
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { Quoted } from "@/components/ui/quoted";
import { cn } from "@/lib/cn";
import { duration } from "@/lib/format";
import { useNow } from "@/lib/use-now";
import { isUnderWay, StatusIcon } from "./status";

export type Step = Schemas["StepView"];
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
  const slowest = slowestOf(run.steps);
  const loops = run.steps.some((step) => step.iteration > 1);
  return (
    <section aria-label={t("steps")}>
      {run.steps.length === 0 ? (
        <p className="p-4 text-muted-foreground">{t("noSteps")}</p>
      ) : (
        <ol className="grid gap-px p-2">
          {run.steps.map((step, index) => (
            <li key={`${step.id}-${step.attempt}`}>
              {loops && step.iteration !== run.steps[index - 1]?.iteration ? (
                <p className="px-2 pt-2 pb-0.5 text-muted-foreground text-xs">
                  {t("iteration", { iteration: step.iteration })}
                </p>
              ) : null}
              <StepRow
                run={run}
                step={step}
                slowest={step === slowest}
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
  run: Schemas["RunDetail"];
  step: Step;
  slowest: boolean;
  selected: boolean;
  onSelect: () => void;
};

function StepRow({ run, step, slowest, selected, onSelect }: StepRowProps) {
  const t = useTranslations("run");
  const phase = step.status === "running" ? step.phases?.findLast((each) => !each.finishedAt) : undefined;
  return (
    <button
      type="button"
      aria-pressed={selected}
      onClick={onSelect}
      className={cn(
        "grid w-full grid-cols-[minmax(0,1fr)] gap-1 rounded-md px-2 py-1.5 text-left hover:bg-accent/70",
        selected && "bg-accent",
      )}
    >
      <span className="flex min-w-0 items-center gap-2">
        <StatusIcon status={step.status} />
        <span className="truncate font-medium">
          {t("step", { role: step.role, iteration: step.iteration })}
        </span>
        {step.attempt > 1 ? (
          <span className="whitespace-nowrap text-muted-foreground text-xs">
            {t("attempt", { attempt: step.attempt })}
          </span>
        ) : null}
        <span className="ml-auto flex items-center gap-2 whitespace-nowrap text-muted-foreground text-xs">
          {slowest ? <span>{t("slowest")}</span> : null}
          <StepTime step={step} />
        </span>
      </span>
      <Bar run={run} step={step} />
      {phase ? <span className="text-muted-foreground text-xs">{phase.name}</span> : null}
      {step.verdict ? (
        <span
          className={cn(
            "line-clamp-3 text-[0.8125rem]",
            step.verdict.verdict === "pass" ? "text-status-completed" : "text-status-failed",
          )}
        >
          {step.verdict.feedback ? (
            <>
              {t(step.verdict.verdict === "pass" ? "passed" : "rejected")}
              <span className="text-muted-foreground"> {plain(step.verdict.feedback)}</span>
            </>
          ) : (
            t(step.verdict.verdict === "pass" ? "verdictPass" : "verdictFail")
          )}
        </span>
      ) : step.failure ? (
        <span className="line-clamp-3 text-[0.8125rem] text-status-failed">
          <Quoted text={step.failure.message} />
        </span>
      ) : step.summary ? (
        <span className="line-clamp-2 text-[0.8125rem] text-muted-foreground">{plain(step.summary)}</span>
      ) : null}
      {step.checks.length > 0 ? (
        <span className="flex flex-wrap gap-x-3 text-xs">
          {step.checks.map((check) => (
            <span
              key={check.name}
              className={cn("wrap-anywhere", check.passed ? "text-status-completed" : "text-status-failed")}
            >
              {check.passed ? "✓" : "✗"} {check.name}
              <span className="sr-only">{t(check.passed ? "checkPassed" : "checkFailed")}</span>
            </span>
          ))}
        </span>
      ) : null}
    </button>
  );
}

/** How long a step took, or takes so far. */
export function StepTime({ step }: { step: Step }) {
  const now = useNow(step.startedAt !== null && step.finishedAt === null);
  if (!step.startedAt) {
    return null;
  }
  const to = step.finishedAt ? Date.parse(step.finishedAt) : now;
  return <span className="tabular">{duration(to - Date.parse(step.startedAt))}</span>;
}

/** A step on the axis of its run. It alone is drawn anew as time goes by. */
function Bar({ run, step }: { run: Schemas["RunDetail"]; step: Step }) {
  const now = useNow(isUnderWay(run.status));
  const begin = Date.parse(run.startedAt ?? run.createdAt);
  const end = run.finishedAt ? Date.parse(run.finishedAt) : Math.max(now, begin + 1000);
  const span = Math.max(1, end - begin);
  const from = Date.parse(step.startedAt ?? step.createdAt);
  const to = step.finishedAt ? Date.parse(step.finishedAt) : step.startedAt ? Math.max(now, from) : from;
  const left = ((from - begin) / span) * 100;
  return (
    <span className="relative block h-1.5 rounded-full bg-muted" aria-hidden>
      <span
        className={cn("absolute inset-y-0 min-w-1 rounded-full", bars[step.status])}
        style={{
          left: `${Math.min(98, Math.max(0, left))}%`,
          width: `${Math.min(100 - Math.min(98, Math.max(0, left)), ((to - from) / span) * 100)}%`,
        }}
      />
    </span>
  );
}

/** Without the signs of Markdown: two lines of it are read, not rendered. */
function plain(markdown: string): string {
  return markdown.replace(/[*_`#>]+/g, "").trim();
}

/** The step that took longest, when that says anything. */
function slowestOf(steps: readonly Step[]): Step | undefined {
  const ended = steps.filter((step) => step.startedAt && step.finishedAt);
  const took = (step: Step) => Date.parse(step.finishedAt ?? "") - Date.parse(step.startedAt ?? "");
  return ended.length < 3 ? undefined : ended.toSorted((one, other) => took(other) - took(one))[0];
}

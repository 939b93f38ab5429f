// Everything about one step: its phases, what it used, its checks with their output, its verdict and its last words.
import { Link } from "@tanstack/react-router";
import { ChevronRight, CircleCheck, CircleX, FileDiff, X } from "lucide-react";
import { useState } from "react";
import { useFormatter, useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { Button } from "@/components/ui/button";
import { Quoted } from "@/components/ui/quoted";
import { cn } from "@/lib/cn";
import { duration, shortId } from "@/lib/format";
import { Markdown } from "./markdown";
import { useCompact, useMoney } from "./moments";
import { Phases } from "./phases";
import { StatusBadge } from "./status";
import { type Step, StepTime } from "./steps";
import { Terminal } from "./terminal";
import { allTokens } from "./tokens";
import { Findings } from "./transcript-row";
import { findingsOf } from "./transcript-rows";

type InspectorProps = { slug: string; step: Step; onClose: () => void; onDiff: () => void };

export function Inspector({ slug, step, onClose, onDiff }: InspectorProps) {
  const t = useTranslations("run");
  const format = useFormatter();
  const money = useMoney();
  const compact = useCompact();
  const name = t("step", { role: step.role, iteration: step.iteration });
  const tokens = step.tokens ? allTokens(step.tokens) : 0;
  return (
    <section aria-label={name} className="grid gap-3 border-t p-3">
      <div className="flex items-center gap-2">
        <h2 className="truncate font-semibold">{name}</h2>
        <StatusBadge status={step.status} className="text-[0.8125rem]" />
        <Button
          size="icon-small"
          variant="ghost"
          className="ml-auto"
          aria-label={t("closeStep")}
          onClick={onClose}
        >
          <X aria-hidden />
        </Button>
      </div>
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-0.5 text-[0.8125rem] [&_dt]:text-muted-foreground">
        {step.startedAt ? (
          <>
            <dt>{t("began")}</dt>
            <dd className="tabular">
              {format.dateTime(new Date(step.startedAt), { dateStyle: "medium", timeStyle: "medium" })}
            </dd>
            <dt>{t("elapsed")}</dt>
            <dd>
              <StepTime step={step} />
            </dd>
          </>
        ) : null}
        {step.requests ? (
          <>
            <dt>{t("cost")}</dt>
            <dd className="tabular">{money(step.costMicroUsd ?? 0)}</dd>
            <dt>{t("tokens")}</dt>
            <dd className="tabular">
              {compact(tokens)}{" "}
              <span className="text-muted-foreground">{t("requests", { count: step.requests })}</span>
            </dd>
          </>
        ) : null}
        {step.reportedUsage ? (
          <>
            <dt>{t("ownCount")}</dt>
            <dd className="tabular">
              {compact(allTokens(step.reportedUsage.tokens))}{" "}
              <span className="text-muted-foreground">
                {t("ownCountWhy", { cost: money(step.reportedUsage.estimatedCostMicroUsd ?? 0) })}
              </span>
            </dd>
          </>
        ) : null}
        {step.commit ? (
          <>
            <dt>{t("commit")}</dt>
            <dd>
              <code className="text-xs">{step.commit.slice(0, 10)}</code>
            </dd>
          </>
        ) : null}
        {step.sandboxId ? (
          <>
            <dt>{t("sandbox")}</dt>
            <dd>
              <Link
                to="/p/$slug/sandboxes/$sandbox"
                params={{ slug, sandbox: step.sandboxId }}
                className="text-primary underline-offset-4 hover:underline"
              >
                {shortId(step.sandboxId)}
              </Link>
            </dd>
          </>
        ) : null}
      </dl>
      {step.commit ? (
        <Button size="small" className="justify-self-start" onClick={onDiff}>
          <FileDiff aria-hidden />
          {t("itsChanges")}
        </Button>
      ) : null}
      {step.failure ? (
        <p className="text-status-failed">
          <Quoted text={step.failure.message} /> <code className="text-xs">{step.failure.code}</code>
        </p>
      ) : null}
      {step.verdict ? (
        <div className="grid gap-1">
          <h3
            className={cn(
              "font-medium",
              step.verdict.verdict === "pass" ? "text-status-completed" : "text-status-failed",
            )}
          >
            {t(step.verdict.verdict === "pass" ? "verdictPass" : "verdictFail")}
          </h3>
          {step.verdict.feedback ? <Markdown text={step.verdict.feedback} /> : null}
          <Findings findings={findingsOf(step.verdict.findings)} />
        </div>
      ) : null}
      {step.checks.length > 0 ? (
        <div className="grid gap-1">
          <h3 className="font-medium">{t("checks")}</h3>
          <ul className="grid gap-1">
            {step.checks.map((check) => (
              <li key={check.name}>
                <Check check={check} />
              </li>
            ))}
          </ul>
        </div>
      ) : null}
      <Phases step={step} />
      {step.summary ? (
        <div className="grid gap-1">
          <h3 className="font-medium">{t("lastWords")}</h3>
          <Markdown text={step.summary} />
        </div>
      ) : null}
    </section>
  );
}

function Check({ check }: { check: Schemas["CheckView"] }) {
  const t = useTranslations("run");
  const [open, setOpen] = useState(!check.passed);
  const Icon = check.passed ? CircleCheck : CircleX;
  return (
    <>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="flex min-h-6 w-full items-center gap-2 rounded-sm text-left"
      >
        <ChevronRight
          className={cn("size-3.5 shrink-0 text-muted-foreground transition-transform", open && "rotate-90")}
          aria-hidden
        />
        <Icon
          className={cn("size-4 shrink-0", check.passed ? "text-status-completed" : "text-status-failed")}
          aria-label={t(check.passed ? "checkPassed" : "checkFailed")}
        />
        <span className="truncate">{check.name}</span>
        {check.required ? null : <span className="text-muted-foreground text-xs">{t("advisory")}</span>}
        <span className="tabular ml-auto text-muted-foreground text-xs">
          {duration(check.durationMs ?? 0)}
        </span>
      </button>
      {open ? (
        check.outputTail ? (
          <Terminal text={check.outputTail} />
        ) : (
          <p className="text-muted-foreground text-xs">{t("noOutput")}</p>
        )
      ) : null}
    </>
  );
}

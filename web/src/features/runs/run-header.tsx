import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronRight, Copy, GitBranch, GitFork, RotateCcw, Square } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import { api, done, type Schemas } from "@/api/client";
import { runQuery } from "@/api/queries";
import { useCommands } from "@/commands/registry";
import { Confirm } from "@/components/ui/alert-dialog";
import { Button } from "@/components/ui/button";
import { Quoted } from "@/components/ui/quoted";
import { Tooltip } from "@/components/ui/tooltip";
import { useFailure } from "@/features/frame/use-failure";
import { copy } from "@/lib/copy";
import { shortId } from "@/lib/format";
import { unique } from "@/lib/unique";
import { type RunEventStore, useRunNotice } from "@/live/run-events";
import { Elapsed, useCompact, useMoney } from "./moments";
import type { Likeness } from "./start-request";
import { isUnderWay, StatusBadge } from "./status";
import { allTokens, reportedOf } from "./tokens";

const StartRun = lazy(() => import("./start-run").then(({ StartRun }) => ({ default: StartRun })));

type RunHeaderProps = { slug: string; run: Schemas["RunDetail"]; events: RunEventStore };

export function RunHeader({ slug, run, events }: RunHeaderProps) {
  const t = useTranslations("run");
  const money = useMoney();
  const compact = useCompact();
  const tokens = allTokens(run.tokens);
  const reported = reportedOf(run.steps);
  return (
    <header className="grid shrink-0 grid-cols-[minmax(0,1fr)] gap-1.5 border-b px-4 py-2.5">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 max-sm:gap-x-2">
        <nav aria-label={t("path")} className="flex min-w-0 items-center gap-1 text-muted-foreground">
          <Link to="/p/$slug/runs" params={{ slug }} search={{}} className="hover:text-foreground">
            {t("runs")}
          </Link>
          <ChevronRight className="size-3.5" aria-hidden />
          <code className="text-xs">{shortId(run.id)}</code>
        </nav>
        <StatusBadge status={run.status} />
        {/* Without their icons they stand beside the status on most telephones. */}
        <div className="ml-auto flex flex-wrap justify-end gap-2 max-sm:[&_svg:not(.animate-spin)]:hidden">
          <Actions slug={slug} run={run} />
        </div>
      </div>
      <h1 className="line-clamp-2 font-semibold text-[0.9375rem]">{run.promptPreview}</h1>
      <dl className="flex flex-wrap gap-x-5 gap-y-0.5 text-[0.8125rem] text-muted-foreground [&_dd]:text-foreground [&>div]:flex [&>div]:gap-1.5">
        <div>
          <dt>{t("elapsed")}</dt>
          <dd>
            <Elapsed from={run.startedAt} to={run.finishedAt} />
          </dd>
        </div>
        <div>
          <dt>{t("cost")}</dt>
          <dd className="tabular">
            {money(run.costMicroUsd)}{" "}
            <span className="text-muted-foreground">/ {money(run.budgetMicroUsd)}</span>
          </dd>
        </div>
        <div>
          <dt>{t("tokens")}</dt>
          <dd className="tabular">{compact(tokens)}</dd>
        </div>
        {reported ? (
          <div>
            <dt>{t("ownCount")}</dt>
            <dd className="tabular">
              {compact(reported.tokens)}{" "}
              <span className="text-muted-foreground">
                {t("ownCountWhy", { cost: money(reported.costMicroUsd) })}
              </span>
            </dd>
          </div>
        ) : null}
        <div>
          <dt>{t("workflow")}</dt>
          <dd>{run.workflow}</dd>
        </div>
        <div>
          <dt>{t("model")}</dt>
          <dd>{run.model}</dd>
        </div>
        {run.branch ? <Branch name={run.branch} /> : null}
      </dl>
      {run.failure ? (
        <p role="status" className="text-status-failed">
          <Quoted text={run.failure.message} /> <code className="text-xs">{run.failure.code}</code>
        </p>
      ) : null}
      {run.pauseReason ? (
        <p role="status" className="text-status-paused">
          {run.pauseReason}
        </p>
      ) : null}
      {isUnderWay(run.status) ? <Notice events={events} /> : null}
    </header>
  );
}

/** What the platform does or waits for now. */
function Notice({ events }: { events: RunEventStore }) {
  const notice = useRunNotice(events);
  return notice ? (
    <p role="status" className="text-muted-foreground">
      {notice}
    </p>
  ) : null;
}

function Branch({ name }: { name: string }) {
  const t = useTranslations("run");
  return (
    <div className="min-w-0 max-w-full">
      <dt className="sr-only">{t("branch")}</dt>
      <dd className="flex min-w-0 items-center gap-1">
        <GitBranch className="size-3.5 shrink-0 text-muted-foreground" aria-hidden />
        <code className="truncate text-xs">{name}</code>
        <Tooltip label={t("copyBranch")}>
          <button
            type="button"
            aria-label={t("copyBranch")}
            className="grid size-6 place-items-center rounded-sm text-muted-foreground hover:bg-accent"
            onClick={() => void copy(name).then(() => toast(t("copied")))}
          >
            <Copy className="size-3.5" aria-hidden />
          </button>
        </Tooltip>
      </dd>
    </div>
  );
}

function Actions({ slug, run }: { slug: string; run: Schemas["RunDetail"] }) {
  const t = useTranslations("run");
  const client = useQueryClient();
  const fail = useFailure();
  const [asking, setAsking] = useState(false);
  const options = {
    params: { path: { slug, run: run.id }, header: { "Idempotency-Key": unique() } },
  };
  const fresh = () => void client.invalidateQueries({ queryKey: runQuery(slug, run.id).queryKey });
  const cancel = useMutation({
    mutationFn: () => done(api.POST("/api/v1/projects/{slug}/runs/{run}/cancel", options)),
    onError: fail,
    onSettled: fresh,
  });
  const retry = useMutation({
    mutationFn: () => done(api.POST("/api/v1/projects/{slug}/runs/{run}/retry", options)),
    onError: fail,
    onSettled: fresh,
  });
  const [again, setAgain] = useState<Likeness>();
  const underWay = isUnderWay(run.status);
  // There is no status between “stop” and stopped: until it is, nothing more can be done about it.
  const stopping = cancel.isPending || cancel.isSuccess;
  const { reset } = cancel;
  useEffect(() => {
    if (!underWay) {
      reset();
    }
  }, [underWay, reset]);
  const canRetry = run.status === "failed" || run.status === "cancelled";
  useCommands([
    ...(underWay
      ? stopping
        ? []
        : [{ id: "stop", title: t("stop"), group: "here" as const, icon: Square, run: () => setAsking(true) }]
      : [
          {
            id: "rerun",
            title: t("rerun"),
            group: "here" as const,
            icon: RotateCcw,
            run: () => setAgain("again"),
          },
        ]),
    ...(run.branch
      ? [
          {
            id: "fork",
            title: t("fork"),
            group: "here" as const,
            icon: GitFork,
            run: () => setAgain("fork"),
          },
        ]
      : []),
    ...(canRetry
      ? [
          {
            id: "retry",
            title: t("retry"),
            group: "here" as const,
            icon: RotateCcw,
            keys: "r",
            run: () => retry.mutate(),
          },
        ]
      : []),
  ]);
  return (
    <>
      {canRetry ? (
        <Button size="small" variant="primary" busy={retry.isPending} onClick={() => retry.mutate()}>
          {t("retry")}
        </Button>
      ) : null}
      {underWay ? (
        <Button size="small" busy={stopping} onClick={() => setAsking(true)}>
          <Square aria-hidden />
          {t("stop")}
        </Button>
      ) : (
        <Button size="small" onClick={() => setAgain("again")}>
          <RotateCcw aria-hidden />
          {t("rerun")}
        </Button>
      )}
      {run.branch ? (
        <Button size="small" onClick={() => setAgain("fork")}>
          <GitFork aria-hidden />
          {t("fork")}
        </Button>
      ) : null}
      <Suspense>
        {again ? (
          <StartRun
            slug={slug}
            like={run}
            likeness={again}
            open
            onOpenChange={(open) => !open && setAgain(undefined)}
          />
        ) : null}
      </Suspense>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={t("stopTitle")}
        confirmLabel={t("stop")}
        cancelLabel={t("goOn")}
        onConfirm={() => {
          setAsking(false);
          cancel.mutate();
        }}
      >
        {t("stopWhy")}
      </Confirm>
    </>
  );
}

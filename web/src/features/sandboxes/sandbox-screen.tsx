// One sandbox: what it went through, what it uses, what its agent does, and its end.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronRight, ShieldAlert, ShieldCheck } from "lucide-react";
import { lazy, Suspense, useEffect } from "react";
import { useFormatter, useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { runQuery, sandboxQuery } from "@/api/queries";
import { Badge } from "@/components/ui/badge";
import { Skeleton } from "@/components/ui/skeleton";
import { listeningStep } from "@/features/runs/listening";
import { Ago } from "@/features/runs/moments";
import { Phases } from "@/features/runs/phases";
import { duration, shortId } from "@/lib/format";
import { type RunEventStore, useRunEventStore } from "@/live/run-events";
import { KillSandbox } from "./kill-sandbox";
import { PauseSandbox } from "./pause-sandbox";

const Composer = lazy(() =>
  import("@/features/runs/composer").then(({ Composer }) => ({ default: Composer })),
);
const Transcript = lazy(() =>
  import("@/features/runs/transcript").then(({ Transcript }) => ({ default: Transcript })),
);

export function SandboxScreen({ slug, sandbox: id }: { slug: string; sandbox: string }) {
  const t = useTranslations("sandboxes");
  const words = useTranslations("run");
  const sandbox = useQuery(sandboxQuery(slug, id)).data;
  const run = useQuery({ ...runQuery(slug, sandbox?.runId ?? ""), enabled: sandbox !== undefined }).data;
  if (!sandbox || !run) {
    return null;
  }
  const step = run.steps.find((each) => each.id === sandbox.stepId);
  return (
    <div className="flex min-h-0 flex-1 flex-col max-lg:min-h-min">
      <header className="grid shrink-0 gap-1.5 border-b px-4 py-2.5">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <nav aria-label={words("path")} className="flex items-center gap-1 text-muted-foreground">
            <Link to="/p/$slug/sandboxes" params={{ slug }} className="hover:text-foreground">
              {t("title")}
            </Link>
            <ChevronRight className="size-3.5" aria-hidden />
          </nav>
          <h1 className="font-semibold text-[0.9375rem]">
            <code>{shortId(sandbox.id)}</code>
          </h1>
          <Badge>{t(`status.${sandbox.status}`)}</Badge>
          <span className="text-[0.8125rem] text-muted-foreground">
            <Ago at={sandbox.createdAt} />
          </span>
          <div className="ml-auto flex gap-2">
            <PauseSandbox slug={slug} sandbox={sandbox} />
            <KillSandbox slug={slug} sandbox={sandbox} keys="shift+k" />
          </div>
        </div>
        <Link
          to="/p/$slug/runs/$run"
          params={{ slug, run: run.id }}
          search={{ step: sandbox.stepId }}
          className="w-fit max-w-full truncate text-primary underline-offset-4 hover:underline"
        >
          {sandbox.lane}: {run.promptPreview}
        </Link>
      </header>
      <Inside slug={slug} sandbox={sandbox} run={run} step={step} />
    </div>
  );
}

type InsideProps = {
  slug: string;
  sandbox: Schemas["Sandbox"];
  run: Schemas["RunDetail"];
  step: Schemas["StepView"] | undefined;
};

function Inside({ slug, sandbox, run, step }: InsideProps) {
  const events = useRunEventStore(slug, run.id);
  useFreshUsage(slug, sandbox.id, events);
  const listening = listeningStep(step ? [step] : []);
  return (
    <div className="flex min-h-0 flex-1 max-lg:flex-col">
      <div className="grid w-80 shrink-0 content-start gap-4 overflow-y-auto border-r p-4 max-lg:w-full max-lg:border-r-0 max-lg:border-b">
        <Resources sandbox={sandbox} />
        <Isolation isolation={sandbox.isolation} />
        {step ? <Phases step={step} /> : null}
      </div>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col max-lg:min-h-[80dvh]">
        <Suspense fallback={<Skeleton className="m-4 h-24" />}>
          <Transcript run={run} events={events} step={sandbox.stepId} event={undefined} />
          {listening ? <Composer key={listening.id} slug={slug} run={run.id} step={listening} /> : null}
        </Suspense>
      </div>
    </div>
  );
}

const MEBIBYTE = 1_048_576;

function Resources({ sandbox }: { sandbox: Schemas["Sandbox"] }) {
  const t = useTranslations("sandboxes");
  const format = useFormatter();
  const { usage, limits } = sandbox;
  const size = (bytes: number) =>
    format.number(bytes / MEBIBYTE, { style: "unit", unit: "megabyte", maximumFractionDigits: 0 });
  if (!usage) {
    return <p className="text-muted-foreground">{t("noUsage")}</p>;
  }
  const rows = [
    {
      name: t("memoryUsed"),
      used: usage.memoryBytes,
      most: limits.memoryMb * MEBIBYTE,
      shown: size,
    },
    { name: t("diskUsed"), used: usage.diskBytes, most: limits.diskMb * MEBIBYTE, shown: size },
    {
      name: t("processes"),
      used: usage.processes,
      most: limits.processes,
      shown: (count: number) => format.number(count),
    },
  ];
  return (
    <section aria-label={t("resources")} className="grid gap-2">
      <h2 className="font-medium">{t("resources")}</h2>
      {rows.map(({ name, used, most, shown }) =>
        used === undefined || used === null ? null : (
          <div key={name} className="grid gap-1 text-[0.8125rem]">
            <div className="flex justify-between gap-2">
              <span className="text-muted-foreground">{name}</span>
              <span className="tabular">{t("usedOf", { used: shown(used), most: shown(most) })}</span>
            </div>
            <span className="block h-1.5 overflow-hidden rounded-full bg-muted" aria-hidden>
              <span
                className={
                  used > most * 0.9
                    ? "block h-full rounded-full bg-status-failed"
                    : "block h-full rounded-full bg-primary"
                }
                style={{ width: `${Math.min(100, (used / Math.max(1, most)) * 100)}%` }}
              />
            </span>
          </div>
        ),
      )}
      <div className="flex justify-between gap-2 text-[0.8125rem]">
        <span className="text-muted-foreground">{t("processorTime", { cpus: limits.cpus })}</span>
        <span className="tabular">{duration((usage.cpuMicroseconds ?? 0) / 1000)}</span>
      </div>
    </section>
  );
}

function Isolation({ isolation }: { isolation: Schemas["Sandbox"]["isolation"] }) {
  const t = useTranslations("sandboxes");
  if (!isolation) {
    return null;
  }
  const degraded = isolation.degraded ?? [];
  const Icon = degraded.length > 0 ? ShieldAlert : ShieldCheck;
  return (
    <section aria-label={t("isolation")} className="grid gap-1 text-[0.8125rem]">
      <h2 className="flex items-center gap-1.5 font-medium">
        <Icon
          className={degraded.length > 0 ? "size-4 text-status-cancelled" : "size-4 text-status-completed"}
          aria-hidden
        />
        {t("isolationTier", { tier: isolation.tier })}
      </h2>
      <p className="text-muted-foreground">{isolation.protectsFrom}</p>
      {degraded.map((lack) => (
        <p key={lack} className="text-status-cancelled">
          {lack}
        </p>
      ))}
    </section>
  );
}

/** How long what a sandbox uses counts as fresh while its agent works. */
const FRESH = 5_000;

/** Reads what it uses again when its agent did something, but not all the time: where nothing happens nothing is asked. */
function useFreshUsage(slug: string, sandbox: string, events: RunEventStore) {
  const client = useQueryClient();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = events.onState(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void client.invalidateQueries({ queryKey: sandboxQuery(slug, sandbox).queryKey });
      }, FRESH);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [client, slug, sandbox, events]);
}

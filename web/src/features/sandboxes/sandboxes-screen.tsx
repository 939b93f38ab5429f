import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Box, Plus, ShieldAlert, ShieldCheck } from "lucide-react";
import { lazy, Suspense, useRef, useState } from "react";
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { sandboxesQuery } from "@/api/queries";
import { useListKeys } from "@/commands/list-keys";
import { useCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { PageHeader } from "@/features/frame/page-header";
import { Ago } from "@/features/runs/moments";
import { laneName, shortId } from "@/lib/format";
import { KillSandbox } from "./kill-sandbox";
import { SandboxStatus } from "./status";

const StartSandbox = lazy(() =>
  import("./start-sandbox").then(({ StartSandbox }) => ({ default: StartSandbox })),
);

export function SandboxesScreen({ slug }: { slug: string }) {
  const t = useTranslations("sandboxes");
  const sandboxes = useQuery(sandboxesQuery(slug)).data ?? [];
  const [starting, setStarting] = useState(false);
  const list = useRef<HTMLUListElement>(null);
  useListKeys(list);
  useCommands([
    {
      id: "start-sandbox",
      title: t("start"),
      group: "here",
      icon: Plus,
      keys: "c",
      run: () => setStarting(true),
    },
  ]);
  return (
    <>
      <PageHeader title={t("title")}>
        <Button variant="primary" onClick={() => setStarting(true)}>
          <Plus aria-hidden />
          {t("start")}
        </Button>
      </PageHeader>
      <Suspense>
        {starting ? <StartSandbox slug={slug} open={starting} onOpenChange={setStarting} /> : null}
      </Suspense>
      {sandboxes.length === 0 ? (
        <EmptyState
          icon={Box}
          title={t("none")}
          action={
            <Button variant="primary" onClick={() => setStarting(true)}>
              {t("start")}
            </Button>
          }
        >
          {t("noneWhy")}
        </EmptyState>
      ) : (
        <ul ref={list} className="divide-y border-b">
          {sandboxes.map((sandbox) => (
            <SandboxRow key={sandbox.id} slug={slug} sandbox={sandbox} />
          ))}
        </ul>
      )}
    </>
  );
}

function SandboxRow({ slug, sandbox }: { slug: string; sandbox: Schemas["Sandbox"] }) {
  const t = useTranslations("sandboxes");
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2 max-sm:gap-x-3">
      <SandboxStatus status={sandbox.status} className="w-[7.5rem]" />
      <Link
        to="/p/$slug/sandboxes/$sandbox"
        params={{ slug, sandbox: sandbox.id }}
        className="min-w-0 flex-1 truncate hover:underline max-sm:basis-44"
      >
        {laneName(sandbox.lane)} <code className="text-muted-foreground text-xs">{shortId(sandbox.id)}</code>
      </Link>
      <Link
        to="/p/$slug/runs/$run"
        params={{ slug, run: sandbox.runId }}
        search={{ step: sandbox.stepId }}
        className="text-[0.8125rem] text-muted-foreground hover:underline"
      >
        {t("ofRun", { run: shortId(sandbox.runId) })}
      </Link>
      {sandbox.isolation ? (
        <span className="flex items-center gap-1.5 text-[0.8125rem] text-muted-foreground">
          {sandbox.isolation.degraded?.length ? (
            <ShieldAlert className="size-4 text-status-cancelled" aria-hidden />
          ) : (
            <ShieldCheck className="size-4 text-status-completed" aria-hidden />
          )}
          {sandbox.isolation.tier}
        </span>
      ) : null}
      {sandbox.usage ? (
        <span className="tabular text-[0.8125rem] text-muted-foreground">
          {t("memory", { mb: Math.round((sandbox.usage.memoryBytes ?? 0) / 1_048_576) })}
        </span>
      ) : null}
      <span className="text-[0.8125rem] text-muted-foreground">
        <Ago at={sandbox.createdAt} />
      </span>
      <span className="ml-auto">
        <KillSandbox slug={slug} sandbox={sandbox} />
      </span>
    </li>
  );
}

import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Play, Plus, Search } from "lucide-react";
import { useRef } from "react";
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { type RunFilter, runsQuery } from "@/api/queries";
import { useAllCommands, useCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Input } from "@/components/ui/input";
import { PageHeader } from "@/features/frame/page-header";
import { cn } from "@/lib/cn";
import { shortId } from "@/lib/format";
import { Ago, Elapsed, useMoney } from "./moments";
import { StatusBadge, StatusIcon, statuses } from "./status";

export function RunsScreen({ slug, filter }: { slug: string; filter: RunFilter }) {
  const t = useTranslations("runs");
  const runs = useInfiniteQuery(runsQuery(slug, filter));
  const list = runs.data?.pages.flatMap((page) => page.data) ?? [];
  const filtered = Object.keys(filter).length > 0;
  const start = useAllCommands().find((command) => command.id === "new-run");
  return (
    <>
      <PageHeader title={t("title")}>
        <Button variant="primary" onClick={() => start?.run()}>
          <Plus aria-hidden />
          {t("new")}
        </Button>
      </PageHeader>
      <Filters slug={slug} filter={filter} />
      {list.length === 0 && runs.isSuccess ? (
        <EmptyState
          icon={Play}
          title={filtered ? t("noneFound") : t("none")}
          action={
            filtered ? (
              <Button asChild>
                <Link to="/p/$slug/runs" params={{ slug }} search={{}}>
                  {t("clear")}
                </Link>
              </Button>
            ) : (
              <Button variant="primary" onClick={() => start?.run()}>
                {t("new")}
              </Button>
            )
          }
        >
          {filtered ? null : t("noneWhy")}
        </EmptyState>
      ) : (
        <RunList slug={slug} runs={list} />
      )}
      {runs.hasNextPage ? (
        <div className="p-3 text-center">
          <Button busy={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>
            {t("more")}
          </Button>
        </div>
      ) : null}
    </>
  );
}

function RunList({ slug, runs }: { slug: string; runs: Schemas["Run"][] }) {
  const list = useRef<HTMLUListElement>(null);
  useListKeys(list);
  return (
    <ul ref={list} className="divide-y">
      {runs.map((run) => (
        <li key={run.id}>
          <RunRow slug={slug} run={run} />
        </li>
      ))}
    </ul>
  );
}

function RunRow({ slug, run }: { slug: string; run: Schemas["Run"] }) {
  const money = useMoney();
  return (
    <Link
      to="/p/$slug/runs/$run"
      params={{ slug, run: run.id }}
      search={{}}
      className="grid grid-cols-[7.5rem_minmax(0,1fr)_auto] items-center gap-x-3 gap-y-0.5 px-4 py-2 hover:bg-accent/60 focus-visible:-outline-offset-2 max-sm:grid-cols-[1rem_minmax(0,1fr)_auto]"
    >
      <StatusBadge status={run.status} className="max-sm:hidden" />
      <StatusIcon status={run.status} className="sm:hidden" />
      <span className="truncate">{run.promptPreview}</span>
      <span className="flex items-center gap-4 text-[0.8125rem] text-muted-foreground">
        <span className="truncate max-lg:hidden">{run.workflow}</span>
        <span className="w-16 text-right max-md:hidden">
          <Elapsed from={run.startedAt} to={run.finishedAt} />
        </span>
        <span className="tabular w-14 text-right max-md:hidden">{money(run.costMicroUsd)}</span>
        <code className="text-xs max-lg:hidden">{shortId(run.id)}</code>
        <span className="w-28 text-right max-sm:w-auto">
          <Ago at={run.createdAt} />
        </span>
      </span>
    </Link>
  );
}

function Filters({ slug, filter }: { slug: string; filter: RunFilter }) {
  const t = useTranslations("runs");
  const words = useTranslations("status");
  const navigate = useNavigate();
  const field = useRef<HTMLInputElement>(null);
  useCommands([
    {
      id: "filter",
      title: t("search"),
      group: "here",
      icon: Search,
      keys: "/",
      run: () => field.current?.focus(),
    },
  ]);
  const go = (change: RunFilter) =>
    void navigate({ to: "/p/$slug/runs", params: { slug }, search: { ...filter, ...change }, replace: true });
  return (
    <div className="flex flex-wrap items-center gap-2 border-b px-4 py-2">
      <nav aria-label={t("byStatus")} className="flex flex-wrap gap-1">
        {statuses.map((status) => {
          const pressed = filter.status === status;
          const { status: _, ...rest } = filter;
          return (
            <Link
              key={status}
              to="/p/$slug/runs"
              params={{ slug }}
              search={pressed ? rest : { ...filter, status }}
              aria-current={pressed || undefined}
              className={cn(
                "flex h-7 items-center gap-1.5 rounded-md border px-2 text-[0.8125rem] text-muted-foreground hover:bg-accent",
                pressed && "border-primary bg-accent text-foreground",
              )}
            >
              <StatusIcon status={status} className="size-3.5 animate-none" />
              {words(status)}
            </Link>
          );
        })}
      </nav>
      <search className="ml-auto w-full sm:w-60">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const text = field.current?.value.trim();
            const { text: _, ...rest } = filter;
            void navigate({ to: "/p/$slug/runs", params: { slug }, search: text ? { ...rest, text } : rest });
          }}
        >
          <Input
            ref={field}
            type="search"
            key={filter.text ?? ""}
            defaultValue={filter.text ?? ""}
            aria-label={t("search")}
            placeholder={t("search")}
            className="h-7"
            onKeyDown={(event) =>
              event.key === "Escape" && (filter.text ? go({ text: "" }) : event.currentTarget.blur())
            }
          />
        </form>
      </search>
    </div>
  );
}

/** `j` and `k` go through the links of a list. */
function useListKeys(list: { current: HTMLElement | null }) {
  const t = useTranslations("commands");
  const move = (by: number) => {
    const links = [...(list.current?.querySelectorAll("a") ?? [])];
    const at = links.indexOf(document.activeElement as HTMLAnchorElement);
    links[Math.min(links.length - 1, Math.max(0, at + by))]?.focus();
  };
  useCommands([
    { id: "next", title: t("next"), group: "here", keys: "j", run: () => move(1) },
    { id: "previous", title: t("previous"), group: "here", keys: "k", run: () => move(-1) },
  ]);
}

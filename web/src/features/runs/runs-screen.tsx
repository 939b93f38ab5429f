import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { ArrowUp, Play, Plus, Search } from "lucide-react";
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { type RunFilter, runCountsQuery, runsQuery, workflowsQuery } from "@/api/queries";
import { useListKeys } from "@/commands/list-keys";
import { useAllCommands, useCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Input } from "@/components/ui/input";
import { Select } from "@/components/ui/select";
import { Skeleton } from "@/components/ui/skeleton";
import { Checkbox } from "@/components/ui/switch";
import { Tooltip } from "@/components/ui/tooltip";
import { ErrorState } from "@/features/frame/error-screens";
import { PageHeader } from "@/features/frame/page-header";
import { SetupChecklist } from "@/features/setup/setup-checklist";
import { cn } from "@/lib/cn";
import { shortId } from "@/lib/format";
import { freshRunsQuery } from "@/live/runs-list";
import { readFilter, writeFilter } from "./filter";
import { Ago, Elapsed, useMoney } from "./moments";
import { SavedViews } from "./saved-views";
import { StatusBadge, StatusIcon, statuses } from "./status";

const ChosenRuns = lazy(() => import("./chosen-runs").then(({ ChosenRuns }) => ({ default: ChosenRuns })));

export function RunsScreen({ slug, filter }: { slug: string; filter: RunFilter }) {
  const t = useTranslations("runs");
  const client = useQueryClient();
  const runs = useInfiniteQuery({
    ...runsQuery(slug, filter),
    // Another filter of the same list: the rows from before stay until the others are here.
    placeholderData: (before, query) => (query?.queryKey[1] === slug ? before : undefined),
  });
  const list = useMemo(() => runs.data?.pages.flatMap((page) => page.data) ?? [], [runs.data]);
  const fresh = useQuery(freshRunsQuery(slug, filter)).data;
  const filtered = Object.keys(filter).length > 0;
  const none = list.length === 0 && runs.isSuccess && !runs.isPlaceholderData;
  const start = useAllCommands().find((command) => command.id === "new-run");
  // What was announced is shown once somebody asks, or comes back to the list.
  const showFresh = () => {
    client.setQueryData(freshRunsQuery(slug, filter).queryKey, []);
    void client.invalidateQueries({ queryKey: runsQuery(slug, filter).queryKey });
    document.getElementById("content")?.scrollTo({ top: 0 });
  };
  const key = writeFilter(filter);
  useEffect(
    () => () => {
      client.setQueryData(freshRunsQuery(slug, readFilter(key)).queryKey, []);
    },
    [client, slug, key],
  );
  useCommands(
    fresh.length > 0
      ? [
          {
            id: "show-fresh",
            title: t("fresh", { count: fresh.length }),
            group: "here",
            keys: ".",
            run: showFresh,
          },
        ]
      : [],
  );
  return (
    <>
      <PageHeader title={t("title")}>
        {/* In the header it covers no row, and moves none. */}
        <div role="status">
          {fresh.length > 0 ? (
            <Tooltip label={t("fresh", { count: fresh.length })} keys=".">
              <Button className="border-primary/60 text-primary" onClick={showFresh}>
                <ArrowUp aria-hidden />
                {t("fresh", { count: fresh.length })}
              </Button>
            </Tooltip>
          ) : null}
        </div>
        <Button variant="primary" onClick={() => start?.run()}>
          <Plus aria-hidden />
          {t("new")}
        </Button>
      </PageHeader>
      <SetupChecklist slug={slug} />
      {/* Where there has been no run yet there is nothing to choose from. */}
      {none && !filtered ? null : <Filters slug={slug} filter={filter} />}
      {runs.isError && list.length === 0 ? (
        <ErrorState error={runs.error} onAgain={() => void runs.refetch()} />
      ) : none ? (
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
      ) : runs.isPending ? (
        <div className="grid gap-2 p-4">
          {[1, 2, 3, 4, 5, 6].map((row) => (
            <Skeleton key={row} className="h-6" />
          ))}
        </div>
      ) : (
        <div className={cn(runs.isPlaceholderData && "opacity-60")} aria-busy={runs.isPlaceholderData}>
          <RunList slug={slug} runs={list} />
        </div>
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
  const t = useTranslations("runs");
  const list = useRef<HTMLUListElement>(null);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (run: string) => {
    const next = new Set(chosen);
    if (!next.delete(run)) {
      next.add(run);
    }
    setChosen(next);
  };
  const { focused } = useListKeys(list);
  useCommands([
    {
      id: "choose",
      title: t("choose"),
      group: "here",
      keys: "x",
      keysOnly: true,
      run: () => {
        const run = runs[focused()];
        if (run) {
          toggle(run.id);
        }
      },
    },
  ]);
  // What is no longer in the list is no longer chosen.
  const selected = runs.filter((run) => chosen.has(run.id));
  return (
    <>
      <ul ref={list} className="divide-y border-b">
        {runs.map((run) => (
          <li key={run.id} className={cn("group flex items-center", chosen.has(run.id) && "bg-primary/10")}>
            <Checkbox
              checked={chosen.has(run.id)}
              onCheckedChange={() => toggle(run.id)}
              aria-label={t("chooseRun", { run: run.promptPreview })}
              className={cn(
                "relative mr-1.5 ml-4 opacity-0 focus-visible:opacity-100 group-focus-within:opacity-100 group-hover:opacity-100 max-sm:hidden",
                // A finger hovers over nothing, and needs room.
                "pointer-coarse:grid pointer-coarse:opacity-100 pointer-coarse:after:absolute pointer-coarse:after:-inset-x-3.5 pointer-coarse:after:-inset-y-3",
                selected.length > 0 && "opacity-100 max-sm:grid",
              )}
            />
            <RunRow slug={slug} run={run} />
          </li>
        ))}
      </ul>
      {selected.length > 0 ? (
        <Suspense>
          <ChosenRuns slug={slug} runs={selected} onClear={() => setChosen(new Set())} />
        </Suspense>
      ) : null}
    </>
  );
}

function RunRow({ slug, run }: { slug: string; run: Schemas["Run"] }) {
  const money = useMoney();
  return (
    <Link
      to="/p/$slug/runs/$run"
      params={{ slug, run: run.id }}
      search={{}}
      className="grid min-w-0 flex-1 grid-cols-[7.5rem_minmax(0,1fr)_auto] items-center gap-x-3 gap-y-0.5 py-2 pr-4 pl-1.5 hover:bg-accent/60 focus-visible:-outline-offset-2 max-sm:grid-cols-[1rem_minmax(0,1fr)_auto] max-sm:pl-4"
    >
      <StatusBadge status={run.status} className="max-sm:hidden" />
      <StatusIcon status={run.status} className="sm:hidden" />
      <span className="truncate">{run.promptPreview}</span>
      <span className="flex items-center gap-4 text-[0.8125rem] text-muted-foreground">
        <span className="truncate max-lg:hidden">{run.workflow}</span>
        <span className="w-16 text-right max-md:hidden">
          <Elapsed from={run.startedAt} to={run.finishedAt} />
        </span>
        <span className="tabular w-16 whitespace-nowrap text-right max-md:hidden">
          {money(run.costMicroUsd)}
        </span>
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
  const counts = useQuery(runCountsQuery(slug)).data;
  const workflows = useQuery(workflowsQuery(slug)).data ?? [];
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
  const go = (next: RunFilter) =>
    void navigate({ to: "/p/$slug/runs", params: { slug }, search: next, replace: true });
  const written = writeFilter(filter);
  // What is filtered by may change elsewhere, too; whoever types here goes on typing here.
  useEffect(() => {
    if (field.current) {
      field.current.value = written;
    }
  }, [written]);
  return (
    <div className="flex flex-wrap items-center gap-2 border-b px-4 py-2">
      <nav aria-label={t("byStatus")} className="flex flex-wrap gap-1">
        {statuses.map((status) => {
          const pressed = filter.status === status;
          const { status: _, ...rest } = filter;
          const count = counts?.[status];
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
              {count === undefined ? null : (
                <span className="tabular text-xs">{count >= COUNTED ? t("many") : count}</span>
              )}
            </Link>
          );
        })}
      </nav>
      {workflows.length > 2 || filter.workflow ? (
        <Select
          aria-label={t("byWorkflow")}
          className="h-7 w-auto max-w-48"
          value={filter.workflow ?? ALL}
          onValueChange={(workflow) => {
            const { workflow: _, ...rest } = filter;
            go(workflow === ALL ? rest : { ...rest, workflow });
          }}
          options={[
            { value: ALL, label: t("allWorkflows") },
            ...workflows.map(({ name }) => ({ value: name, label: name })),
          ]}
        />
      ) : null}
      <SavedViews slug={slug} filter={filter} />
      <search className="ml-auto min-w-40 flex-1 sm:min-w-52 sm:max-w-72">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            go(readFilter(field.current?.value ?? ""));
          }}
        >
          <Input
            ref={field}
            type="search"
            defaultValue={written}
            aria-label={t("search")}
            placeholder={t("searchExample")}
            className="h-7 text-ellipsis"
            onKeyDown={(event) => {
              if (event.key === "Escape") {
                written ? go({}) : event.currentTarget.blur();
              }
            }}
          />
        </form>
      </search>
    </div>
  );
}

/** Beyond that the server does not count. */
const COUNTED = 1000;
const ALL = "*";

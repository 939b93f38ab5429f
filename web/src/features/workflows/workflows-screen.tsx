// The workflows of a project: what ships, and its own.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus, Workflow as WorkflowIcon } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { workflowsQuery } from "@/api/queries";
import { useListKeys } from "@/commands/list-keys";
import { useCommands } from "@/commands/registry";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Skeleton } from "@/components/ui/skeleton";
import { ErrorText } from "@/features/frame/error-screens";
import { PageHeader } from "@/features/frame/page-header";
import { Ago } from "@/features/runs/moments";
import { ConfigureTexts } from "@/i18n/configure-texts";
import { NewWorkflow } from "./new-workflow";
import { countSteps, type Pipeline, read } from "./pipeline";
import { roleIcons } from "./roles";

export function WorkflowsScreen({ slug }: { slug: string }) {
  return (
    <ConfigureTexts>
      <Workflows slug={slug} />
    </ConfigureTexts>
  );
}

function Workflows({ slug }: { slug: string }) {
  const t = useTranslations("workflow");
  const workflows = useQuery(workflowsQuery(slug));
  const [creating, setCreating] = useState(false);
  const list = useRef<HTMLUListElement>(null);
  useListKeys(list);
  useCommands([
    {
      id: "new-workflow",
      title: t("new"),
      group: "here",
      icon: Plus,
      keys: "c",
      run: () => setCreating(true),
    },
  ]);
  return (
    <>
      <PageHeader title={t("title")}>
        <Button variant="primary" onClick={() => setCreating(true)}>
          <Plus aria-hidden />
          {t("new")}
        </Button>
      </PageHeader>
      {workflows.isPending ? (
        <div className="grid gap-2 p-4">
          {[1, 2, 3].map((row) => (
            <Skeleton key={row} className="h-16" />
          ))}
        </div>
      ) : workflows.error ? (
        <div role="alert" className="p-4 text-destructive">
          <ErrorText error={workflows.error} />
        </div>
      ) : (
        <ul ref={list} className="divide-y border-b">
          {workflows.data.map((workflow) => (
            <li key={workflow.name}>
              <WorkflowRow slug={slug} workflow={workflow} />
            </li>
          ))}
        </ul>
      )}
      {creating ? <NewWorkflow slug={slug} onClose={() => setCreating(false)} /> : null}
    </>
  );
}

function WorkflowRow({ slug, workflow }: { slug: string; workflow: Schemas["Workflow"] }) {
  const t = useTranslations("workflow");
  const pipeline = read(workflow.pipeline);
  return (
    <Link
      to="/p/$slug/workflows/$name"
      params={{ slug, name: workflow.name }}
      className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-3 hover:bg-accent/50"
    >
      <WorkflowIcon className="size-4 shrink-0 text-muted-foreground" aria-hidden />
      <span className="grid min-w-0 flex-1 basis-56 grid-cols-[minmax(0,1fr)]">
        <span className="flex items-center gap-2">
          <span className="truncate font-medium">{workflow.name}</span>
          {workflow.shipped ? <Badge>{t("shipped")}</Badge> : null}
        </span>
        <span className="truncate text-muted-foreground">{workflow.description}</span>
      </span>
      <Shape pipeline={pipeline} />
      <span className="w-24 text-right text-[0.8125rem] text-muted-foreground max-sm:w-full max-sm:pl-8 max-sm:text-left">
        {t("steps", { count: countSteps(pipeline) })}
      </span>
      <span className="w-28 text-right text-[0.8125rem] text-muted-foreground max-sm:hidden">
        {workflow.updatedAt ? <Ago at={workflow.updatedAt} /> : "–"}
      </span>
    </Link>
  );
}

/** A pipeline in little: what it looks like before one opens it. */
function Shape({ pipeline }: { pipeline: Pipeline }) {
  return (
    <span aria-hidden className="flex items-center gap-1 text-muted-foreground max-md:hidden">
      {pipeline.slice(0, 6).map((node, index) => {
        if (node.type === "loop") {
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: a picture of what is there, in its order
            <span key={index} className="rounded-md border border-dashed p-1">
              <Shape pipeline={node.nodes} />
            </span>
          );
        }
        const Icon = roleIcons[node.role];
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a picture of what is there, in its order
          <span key={index} className="grid size-6 place-items-center rounded-sm border bg-card">
            <Icon className="size-3.5" />
          </span>
        );
      })}
      {pipeline.length > 6 ? "…" : null}
    </span>
  );
}

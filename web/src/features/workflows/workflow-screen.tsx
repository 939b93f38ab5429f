// The editor of a workflow: its pipeline as a canvas or as an outline, and beside it what can be said of a node.
import { keepPreviousData, useQuery, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { CircleAlert, CircleCheck, ListTree, Lock, Workflow as WorkflowIcon } from "lucide-react";
import { type KeyboardEvent, lazy, Suspense, useEffect, useRef, useState } from "react";
import { useTranslations } from "use-intl";
import { api, body, data, type Schemas } from "@/api/client";
import { projectQuery, workflowQuery, workflowsQuery } from "@/api/queries";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Textarea } from "@/components/ui/input";
import { Quoted } from "@/components/ui/quoted";
import { Skeleton } from "@/components/ui/skeleton";
import { Tabs, TabsContent, TabsList, TabsTrigger } from "@/components/ui/tabs";
import { SavedForm, Theirs } from "@/features/forms/form";
import { useForm } from "@/features/forms/use-form";
import { PageHeader } from "@/features/frame/page-header";
import { ConfigureTexts } from "@/i18n/configure-texts";
import { Inspector } from "./inspector";
import { keepDraft, keptDraft, type WorkflowFields } from "./kept-draft";
import { Outline } from "./outline";
import { type Fault, fault, nodeAt, type Pipeline, read, rows } from "./pipeline";
import { Toolbar } from "./toolbar";
import { type Editor, useEditor } from "./use-editor";
import { WorkflowActions } from "./workflow-actions";

const Canvas = lazy(() => import("./canvas"));

export type WorkflowView = "canvas" | "outline";

type WorkflowScreenProps = { slug: string; name: string; view: WorkflowView };

export function WorkflowScreen(props: WorkflowScreenProps) {
  return (
    <ConfigureTexts>
      <WorkflowEditor {...props} />
    </ConfigureTexts>
  );
}

function WorkflowEditor({ slug, name, view }: WorkflowScreenProps) {
  const t = useTranslations("workflow");
  const client = useQueryClient();
  const navigate = useNavigate();
  const project = useSuspenseQuery(projectQuery(slug)).data;
  const { workflow, tag } = useSuspenseQuery(workflowQuery(slug, name)).data;
  const [kept] = useState(() => (workflow.shipped ? undefined : keptDraft(project.id, name)));
  const pick = (found: { workflow: Schemas["Workflow"]; tag: string }) => ({
    tag: found.tag,
    value: { description: found.workflow.description, pipeline: read(found.workflow.pipeline) },
  });
  const form = useForm<WorkflowFields>({
    seen: pick({ workflow, tag }),
    kept,
    send: async (_, draft) => {
      const answer = await api.PUT("/api/v1/projects/{slug}/workflows/{name}", {
        params: { path: { slug, name }, header: { "If-Match": draft.tag } },
        body: {
          description: draft.mine.description,
          pipeline: draft.mine.pipeline as Schemas["PipelineNode"][],
        },
      });
      const saved = await body(Promise.resolve(answer));
      client.setQueryData(workflowQuery(slug, name).queryKey, {
        workflow: saved.data,
        tag: answer.response.headers.get("etag") ?? "",
      });
      void client.invalidateQueries({ queryKey: workflowsQuery(slug).queryKey, exact: true });
    },
    reread: async () => pick(await client.fetchQuery({ ...workflowQuery(slug, name), staleTime: 0 })),
  });
  useEffect(() => keepDraft(project.id, name, form.draft), [project.id, name, form.draft]);
  const editor = useEditor(form.value.pipeline, (pipeline) => form.set({ pipeline }), workflow.shipped);
  const faults = useFaults(slug, form.value.pipeline);
  const inspector = useRef<HTMLDivElement>(null);
  const inWords = (pipeline: Pipeline) =>
    rows(pipeline)
      .map(({ node, level }) => {
        const what =
          node.type === "loop"
            ? `${t("loopOf", { count: node.maxIterations })} · ${t(`gates.${node.gate}`)}`
            : [node.name, t(`roles.${node.role}`), node.agent, node.model, node.effort]
                .filter(Boolean)
                .join(" · ");
        return `${"  ".repeat(level - 1)}${what}`;
      })
      .join("\n");
  const show = (next: WorkflowView) =>
    void navigate({
      to: "/p/$slug/workflows/$name",
      params: { slug, name },
      search: next === "outline" ? { view: next } : {},
      replace: true,
    });
  return (
    <>
      <PageHeader
        trail={[
          <Link key="workflows" to="/p/$slug/workflows" params={{ slug }}>
            {t("title")}
          </Link>,
        ]}
        title={name}
      >
        <WorkflowActions slug={slug} workflow={workflow} tag={tag} current={form.value} />
      </PageHeader>
      {workflow.shipped ? (
        <p className="flex items-center gap-2 border-b bg-surface px-4 py-2 text-muted-foreground">
          <Lock className="size-4 shrink-0" aria-hidden />
          {t("shippedWhy")}
        </p>
      ) : null}
      {kept && form.dirty ? (
        <p role="status" className="border-b bg-surface px-4 py-2 text-muted-foreground">
          {t("restored")}
        </p>
      ) : null}
      <SavedForm
        form={form}
        className="flex min-h-0 flex-1 flex-col lg:overflow-hidden"
        barClassName="m-3 mt-0"
        kept
      >
        <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
          <Tabs
            value={view}
            onValueChange={(next) => show(next === "outline" ? "outline" : "canvas")}
            className="flex min-h-72 min-w-0 flex-1 flex-col"
            onKeyDown={(event) => undoKeys(event, editor)}
          >
            <div className="flex flex-wrap items-center justify-between border-b">
              <TabsList className="border-0" aria-label={t("views")}>
                <TabsTrigger value="canvas">
                  <WorkflowIcon className="size-4" aria-hidden />
                  {t("canvas")}
                </TabsTrigger>
                <TabsTrigger value="outline">
                  <ListTree className="size-4" aria-hidden />
                  {t("outline")}
                </TabsTrigger>
              </TabsList>
              {workflow.shipped ? null : <Toolbar editor={editor} />}
            </div>
            <TabsContent value="canvas" className="min-h-0 flex-1">
              <Suspense fallback={<Skeleton className="m-4 h-32 max-w-2xl" />}>
                <Canvas editor={editor} faults={faults.found} />
              </Suspense>
            </TabsContent>
            <TabsContent value="outline" className="min-h-0 flex-1 overflow-y-auto">
              <Outline
                editor={editor}
                faults={faults.found}
                onEdit={() =>
                  inspector.current?.querySelector<HTMLElement>("button, input, textarea")?.focus()
                }
              />
              {workflow.shipped ? null : (
                <p className="px-4 pb-3 text-muted-foreground text-xs">{t("keys")}</p>
              )}
            </TabsContent>
            <FaultList faults={faults} pipeline={form.value.pipeline} onChoose={editor.choose} />
          </Tabs>
          <aside
            aria-label={t("inspector")}
            className="grid shrink-0 content-start gap-4 overflow-y-auto border-t p-4 lg:w-80 lg:border-t-0 lg:border-l"
          >
            <Theirs form={form} name="pipeline" show={inWords} />
            <Field label={t("description")} error={form.errorOf("description")}>
              <Textarea
                className="min-h-16"
                maxLength={500}
                disabled={workflow.shipped}
                value={form.value.description}
                onChange={(event) => form.set({ description: event.target.value })}
              />
            </Field>
            <Theirs form={form} name="description" />
            <hr />
            <div ref={inspector}>
              <Inspector slug={slug} editor={editor} faults={faults.found} />
            </div>
          </aside>
        </div>
      </SavedForm>
    </>
  );
}

/** Undoing what was done to the tree; in a field, the browser undoes what was written. */
function undoKeys(event: KeyboardEvent, editor: Editor) {
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey) || (key !== "z" && key !== "y")) {
    return;
  }
  event.preventDefault();
  if (key === "y" || event.shiftKey) {
    editor.redo?.();
  } else {
    editor.undo?.();
  }
}

type Faults = { found: Fault[]; checked: boolean };

/** What the server finds wrong, a moment after the last change. */
function useFaults(slug: string, pipeline: Pipeline): Faults {
  const [settled, setSettled] = useState(pipeline);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(pipeline), 300);
    return () => clearTimeout(timer);
  }, [pipeline]);
  const report = useQuery({
    queryKey: ["pipeline-report", slug, settled],
    queryFn: () =>
      data(
        api.POST("/api/v1/projects/{slug}/workflows/validate", {
          params: { path: { slug } },
          body: { pipeline: settled },
        }),
      ),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });
  return { found: report.data?.faults.map(fault) ?? [], checked: report.isSuccess };
}

type FaultListProps = { faults: Faults; pipeline: Pipeline; onChoose: (at: readonly number[]) => void };

function FaultList({ faults, pipeline, onChoose }: FaultListProps) {
  const t = useTranslations("workflow");
  return (
    <div role="status" className="border-t px-4 py-2">
      {faults.found.length === 0 ? (
        <p className="flex min-h-6 items-center gap-2 text-muted-foreground">
          {faults.checked ? (
            <>
              <CircleCheck className="size-4 text-status-completed" aria-hidden />
              {t("sound")}
            </>
          ) : null}
        </p>
      ) : (
        <ul className="grid max-h-28 gap-1 overflow-y-auto">
          {faults.found.map((each) => (
            <li key={`${each.at.join()} ${each.field} ${each.message}`} className="flex items-center gap-2">
              <CircleAlert className="size-4 shrink-0 text-destructive" aria-hidden />
              <span className="min-w-0 text-destructive">
                <Quoted text={each.message} />
              </span>
              {nodeAt(pipeline, each.at) ? (
                <Button size="small" variant="link" onClick={() => onChoose(each.at)}>
                  {t("show")}
                </Button>
              ) : null}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

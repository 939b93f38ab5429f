// What is done with a workflow as a whole: another one made of it, its end.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Copy, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { api, done, type Schemas } from "@/api/client";
import { projectQuery, workflowsQuery } from "@/api/queries";
import { useCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { useFailure } from "@/features/frame/use-failure";
import { useUndoable } from "@/features/frame/use-undoable";
import { begin } from "@/lib/draft";
import { keepDraft, keptDraft, type WorkflowFields } from "./kept-draft";
import { NewWorkflow } from "./new-workflow";

type WorkflowActionsProps = {
  slug: string;
  workflow: Schemas["Workflow"];
  tag: string;
  /** As it is in the editor now, saved or not: a copy takes that along. */
  current: WorkflowFields;
};

export function WorkflowActions({ slug, workflow, tag, current }: WorkflowActionsProps) {
  const t = useTranslations("workflow");
  const client = useQueryClient();
  const navigate = useNavigate();
  const fail = useFailure();
  const undoable = useUndoable();
  const [copying, setCopying] = useState(false);
  const remove = useMutation({
    mutationFn: () =>
      done(
        api.DELETE("/api/v1/projects/{slug}/workflows/{name}", {
          params: { path: { slug, name: workflow.name }, header: { "If-Match": tag } },
        }),
      ),
    onSuccess: async () => {
      const project = client.getQueryData(projectQuery(slug).queryKey);
      const unsaved = project && keptDraft(project.id, workflow.name);
      if (project) {
        keepDraft(project.id, workflow.name, begin(current, tag));
      }
      await navigate({ to: "/p/$slug/workflows", params: { slug }, ignoreBlocker: true });
      await client.invalidateQueries({ queryKey: workflowsQuery(slug).queryKey });
      undoable(t("removed", { name: workflow.name }), async () => {
        if (project && unsaved) {
          keepDraft(project.id, workflow.name, unsaved);
        }
        await restore();
      });
    },
    onError: fail,
  });
  // All that a workflow is is known here. Without a tag it is only taken as a new one: nothing is overwritten.
  const restore = async () => {
    const { name, description, pipeline } = workflow;
    await done(
      api.PUT("/api/v1/projects/{slug}/workflows/{name}", {
        params: { path: { slug, name } },
        body: { description, pipeline: pipeline as Schemas["PipelineNode"][] },
      }),
    );
    await client.invalidateQueries({ queryKey: workflowsQuery(slug).queryKey });
    await navigate({ to: "/p/$slug/workflows/$name", params: { slug, name } });
  };
  const copy = workflow.shipped ? t("customise") : t("duplicate");
  useCommands([
    { id: "copy-workflow", title: copy, group: "here", icon: Copy, run: () => setCopying(true) },
    ...(workflow.shipped
      ? []
      : [
          {
            id: "delete-workflow",
            title: t("delete"),
            group: "here" as const,
            icon: Trash2,
            run: () => remove.mutate(),
          },
        ]),
  ]);
  return (
    <>
      <Button variant={workflow.shipped ? "primary" : "secondary"} onClick={() => setCopying(true)}>
        <Copy aria-hidden />
        {copy}
      </Button>
      {workflow.shipped ? null : (
        <Button busy={remove.isPending} onClick={() => remove.mutate()}>
          <Trash2 aria-hidden />
          {t("delete")}
        </Button>
      )}
      {copying ? (
        <NewWorkflow
          slug={slug}
          copyOf={{ name: workflow.name, ...current }}
          onClose={() => setCopying(false)}
        />
      ) : null}
    </>
  );
}

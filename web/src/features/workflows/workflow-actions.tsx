// What is done with a workflow as a whole: another one made of it, its end.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Copy, Trash2 } from "lucide-react";
import { useState } from "react";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import { api, done, type Schemas } from "@/api/client";
import { projectQuery, workflowsQuery } from "@/api/queries";
import { useCommands } from "@/commands/registry";
import { Confirm } from "@/components/ui/alert-dialog";
import { Button } from "@/components/ui/button";
import { useFailure } from "@/features/frame/use-failure";
import { begin } from "@/lib/draft";
import { keepDraft, type WorkflowFields } from "./kept-draft";
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
  const [copying, setCopying] = useState(false);
  const [removing, setRemoving] = useState(false);
  const remove = useMutation({
    mutationFn: () =>
      done(
        api.DELETE("/api/v1/projects/{slug}/workflows/{name}", {
          params: { path: { slug, name: workflow.name }, header: { "If-Match": tag } },
        }),
      ),
    onSuccess: async () => {
      const project = client.getQueryData(projectQuery(slug).queryKey);
      if (project) {
        keepDraft(project.id, workflow.name, begin(current, tag));
      }
      await navigate({ to: "/p/$slug/workflows", params: { slug }, ignoreBlocker: true });
      await client.invalidateQueries({ queryKey: workflowsQuery(slug).queryKey });
      toast(t("removed", { name: workflow.name }));
    },
    onError: fail,
    onSettled: () => setRemoving(false),
  });
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
            run: () => setRemoving(true),
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
        <Button onClick={() => setRemoving(true)}>
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
      <Confirm
        open={removing}
        onOpenChange={setRemoving}
        title={t("deleteTitle", { name: workflow.name })}
        confirmLabel={t("delete")}
        cancelLabel={t("cancel")}
        busy={remove.isPending}
        onConfirm={() => remove.mutate()}
      >
        {t("deleteWhy")}
      </Confirm>
    </>
  );
}

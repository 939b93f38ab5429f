import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, type KeyboardEvent, useState } from "react";
import { useTranslations } from "use-intl";
import { api, data, isApiError } from "@/api/client";
import { projectQuery, workflowsQuery } from "@/api/queries";
import { shown } from "@/commands/keys";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Textarea } from "@/components/ui/input";
import { Kbd } from "@/components/ui/kbd";
import { Select } from "@/components/ui/select";
import { ErrorText } from "@/features/frame/error-screens";
import { unique } from "@/lib/unique";

type StartRunProps = { slug: string; open: boolean; onOpenChange: (open: boolean) => void };

export function StartRun({ slug, open, onOpenChange }: StartRunProps) {
  const t = useTranslations("startRun");
  return (
    <Dialog open={open} onOpenChange={onOpenChange}>
      <DialogContent title={t("title")} closeLabel={t("close")} className="max-w-2xl">
        <StartRunForm slug={slug} onStarted={() => onOpenChange(false)} />
      </DialogContent>
    </Dialog>
  );
}

const fields = ["prompt", "workflow", "repository", "baseBranch", "model"];

function StartRunForm({ slug, onStarted }: { slug: string; onStarted: () => void }) {
  const t = useTranslations("startRun");
  const navigate = useNavigate();
  const project = useQuery(projectQuery(slug)).data;
  const workflows = useQuery(workflowsQuery(slug)).data ?? [];
  const [form, setForm] = useState({ prompt: "", workflow: "", repository: "", baseBranch: "", model: "" });
  const start = useMutation({
    mutationFn: () => {
      // What is left empty is left to the project.
      const given = Object.fromEntries(
        Object.entries(form)
          .map(([field, text]) => [field, text.trim()])
          .filter(([, text]) => text),
      );
      return data(
        api.POST("/api/v1/projects/{slug}/runs", {
          params: { path: { slug }, header: { "Idempotency-Key": unique() } },
          body: { ...given, prompt: form.prompt },
        }),
      );
    },
    onSuccess: async (run) => {
      onStarted();
      await navigate({ to: "/p/$slug/runs/$run", params: { slug, run: run.id }, search: {} });
    },
  });
  const submit = (event: FormEvent | KeyboardEvent) => {
    event.preventDefault();
    if (form.prompt.trim() && !start.isPending) {
      start.mutate();
    }
  };
  const errorOf = (field: string) =>
    isApiError(start.error) && start.error.field === field ? start.error.message : undefined;
  const elsewhere = start.error && !(isApiError(start.error) && fields.includes(start.error.field ?? ""));
  return (
    <form
      onSubmit={submit}
      onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && submit(event)}
      className="grid gap-4"
    >
      <Field label={t("prompt")} error={errorOf("prompt")}>
        <Textarea
          autoFocus
          required
          className="min-h-36"
          placeholder={t("promptExample")}
          value={form.prompt}
          onChange={(event) => setForm({ ...form, prompt: event.target.value })}
        />
      </Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label={t("workflow")} error={errorOf("workflow")}>
          <Select
            value={form.workflow || "designer-checker"}
            onValueChange={(workflow) => setForm({ ...form, workflow })}
            options={workflows.map((workflow) => ({ value: workflow.name, label: workflow.name }))}
          />
        </Field>
        <Field label={t("baseBranch")} error={errorOf("baseBranch")}>
          <Input
            placeholder={project?.defaultBranch ?? t("repositoryDefault")}
            value={form.baseBranch}
            onChange={(event) => setForm({ ...form, baseBranch: event.target.value })}
          />
        </Field>
        <Field label={t("repository")} error={errorOf("repository")}>
          <Input
            placeholder={project?.repository ?? "https://github.com/acme/shop"}
            value={form.repository}
            onChange={(event) => setForm({ ...form, repository: event.target.value })}
          />
        </Field>
        <Field label={t("model")} error={errorOf("model")}>
          <Input
            placeholder={t("projectDefault")}
            value={form.model}
            onChange={(event) => setForm({ ...form, model: event.target.value })}
          />
        </Field>
      </div>
      {elsewhere ? (
        <div role="alert" className="text-destructive">
          <ErrorText error={start.error} />
        </div>
      ) : null}
      <div className="flex items-center justify-end gap-3">
        <Kbd keys={shown("mod+enter")} />
        <Button type="submit" variant="primary" busy={start.isPending} disabled={!form.prompt.trim()}>
          {t("start")}
        </Button>
      </div>
    </form>
  );
}

// A sandbox with an agent to talk to.
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { api, data, isApiError, type Schemas } from "@/api/client";
import { shown } from "@/commands/keys";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Textarea } from "@/components/ui/input";
import { Kbd } from "@/components/ui/kbd";
import { AgentChoices } from "@/features/agents/agent-choices";
import type { AgentChoice } from "@/features/agents/capabilities";
import { ErrorAlert } from "@/features/frame/error-screens";
import { unique } from "@/lib/unique";

type StartSandboxProps = { slug: string; open: boolean; onOpenChange: (open: boolean) => void };

export function StartSandbox({ slug, open, onOpenChange }: StartSandboxProps) {
  const t = useTranslations("sandboxes");
  return (
    <Dialog open={open} onOpenChange={onOpenChange}>
      <DialogContent title={t("start")} closeLabel={t("close")}>
        <StartForm slug={slug} onStarted={() => onOpenChange(false)} />
      </DialogContent>
    </Dialog>
  );
}

function StartForm({ slug, onStarted }: { slug: string; onStarted: () => void }) {
  const t = useTranslations("sandboxes");
  const words = useTranslations("startRun");
  const navigate = useNavigate();
  const [form, setForm] = useState({ prompt: "", baseBranch: "" });
  const [choice, setChoice] = useState<AgentChoice>({ agent: null, model: null, effort: null });
  const start = useMutation({
    mutationFn: () =>
      data(
        api.POST("/api/v1/projects/{slug}/sandboxes", {
          params: { path: { slug }, header: { "Idempotency-Key": unique() } },
          // What is left empty is left to the project.
          body: Object.fromEntries(
            Object.entries({ ...form, ...choice })
              .map(([field, text]) => [field, text?.trim()])
              .filter(([, text]) => text),
          ) as Schemas["StartSandbox"],
        }),
      ),
    onSuccess: async (run) => {
      onStarted();
      await navigate({ to: "/p/$slug/runs/$run", params: { slug, run: run.id }, search: {} });
    },
  });
  const errorOf = (field: string) =>
    isApiError(start.error) && start.error.field === field ? start.error.message : undefined;
  const elsewhere =
    start.error &&
    !(isApiError(start.error) && Object.keys({ ...form, ...choice }).includes(start.error.field ?? ""));
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        start.mutate();
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !start.isPending) {
          event.preventDefault();
          start.mutate();
        }
      }}
    >
      <Field label={t("prompt")} hint={t("promptHint")} error={errorOf("prompt")}>
        <Textarea
          autoFocus
          value={form.prompt}
          onChange={(event) => setForm({ ...form, prompt: event.target.value })}
        />
      </Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <AgentChoices
          slug={slug}
          value={choice}
          onChange={(change) => setChoice({ ...choice, ...change })}
          inherited={words("projectDefault")}
          errorOf={errorOf}
        />
        <Field label={words("baseBranch")} error={errorOf("baseBranch")}>
          <Input
            placeholder={words("repositoryDefault")}
            value={form.baseBranch}
            onChange={(event) => setForm({ ...form, baseBranch: event.target.value })}
          />
        </Field>
      </div>
      {elsewhere ? <ErrorAlert error={start.error} /> : null}
      <div className="flex items-center justify-end gap-3">
        <Kbd keys={shown("mod+enter")} />
        <Button type="submit" variant="primary" busy={start.isPending}>
          {t("start")}
        </Button>
      </div>
    </form>
  );
}

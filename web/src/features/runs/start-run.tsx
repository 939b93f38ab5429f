// Starts a run, or one like another with changes. Written to be done with the keyboard alone, in seconds: what is
// seldom needed is folded away.
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, type KeyboardEvent, useDeferredValue, useMemo, useState } from "react";
import { useFormatter, useTranslations } from "use-intl";
import { api, data, isApiError, type Schemas } from "@/api/client";
import { agentsQuery, branchesQuery, pastRunsQuery, projectQuery, workflowsQuery } from "@/api/queries";
import { shown } from "@/commands/keys";
import { Button } from "@/components/ui/button";
import { Combobox } from "@/components/ui/combobox";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Textarea } from "@/components/ui/input";
import { Kbd } from "@/components/ui/kbd";
import { Select } from "@/components/ui/select";
import { AgentChoices } from "@/features/agents/agent-choices";
import { agentsOf, blindOf } from "@/features/agents/capabilities";
import { ErrorAlert } from "@/features/frame/error-screens";
import { duration } from "@/lib/format";
import { unique } from "@/lib/unique";
import { expectation } from "./expectation";
import { useMoney } from "./moments";
import { GivePictures } from "./pictures/give-pictures";
import { pasted } from "./pictures/limits";
import { refusedPicture, usePictures } from "./pictures/use-pictures";
import { askedFor, changesOf, emptyForm, formLike, type Likeness, type StartForm } from "./start-request";

type StartRunProps = {
  slug: string;
  /** The run that the new one is like. */
  like?: Schemas["RunDetail"];
  likeness?: Likeness;
  open: boolean;
  onOpenChange: (open: boolean) => void;
};

export function StartRun({ slug, like, likeness = "again", open, onOpenChange }: StartRunProps) {
  const t = useTranslations("startRun");
  return (
    <Dialog open={open} onOpenChange={onOpenChange}>
      <DialogContent
        title={like ? t(likeness) : t("title")}
        description={like && likeness === "fork" ? t("forkWhy") : undefined}
        closeLabel={t("close")}
        className="top-[8vh] max-h-[86vh] max-w-2xl"
      >
        <StartRunForm slug={slug} like={like} likeness={likeness} onStarted={() => onOpenChange(false)} />
      </DialogContent>
    </Dialog>
  );
}

type StartRunFormProps = {
  slug: string;
  like: Schemas["RunDetail"] | undefined;
  likeness: Likeness;
  onStarted: () => void;
};

function StartRunForm({ slug, like, likeness, onStarted }: StartRunFormProps) {
  const t = useTranslations("startRun");
  const navigate = useNavigate();
  const project = useQuery(projectQuery(slug)).data;
  const workflows = useQuery(workflowsQuery(slug)).data ?? [];
  const draft = `codecourier.start.${slug}`;
  const pictures = usePictures(slug, like ? { first: like.images } : { draft: `${draft}.pictures` });
  const [form, setForm] = useState<StartForm>(() =>
    like ? formLike(like, likeness) : { ...emptyForm, prompt: sessionStorage.getItem(draft) ?? "" },
  );
  const set = (change: Partial<StartForm>) => {
    if (change.prompt !== undefined && !like) {
      sessionStorage.setItem(draft, change.prompt);
    }
    setForm({ ...form, ...change });
  };
  const start = useMutation({
    mutationFn: () => {
      const header = { "Idempotency-Key": unique() };
      return like
        ? data(
            api.POST("/api/v1/projects/{slug}/runs/{run}/rerun", {
              params: { path: { slug, run: like.id }, header },
              body: changesOf(form, pictures.images, like),
            }),
          )
        : data(
            api.POST("/api/v1/projects/{slug}/runs", {
              params: { path: { slug }, header },
              body: askedFor(form, pictures.images),
            }),
          );
    },
    onSuccess: async (run) => {
      if (!like) {
        sessionStorage.removeItem(draft);
        pictures.forget();
      }
      onStarted();
      await navigate({ to: "/p/$slug/runs/$run", params: { slug, run: run.id }, search: {} });
    },
  });
  const workflow = form.workflow || "designer-checker";
  const blind = useBlind(slug, pictures.images, [
    form.designer.agent,
    form.checker.agent,
    ...agentsOf(workflows.find(({ name }) => name === workflow)?.pipeline),
  ]);
  const ready = form.prompt.trim() !== "" && pictures.ready && !blind;
  const submit = (event: FormEvent | KeyboardEvent) => {
    event.preventDefault();
    if (ready && !start.isPending) {
      start.mutate();
    }
  };
  const fieldOf = isApiError(start.error) ? (start.error.field ?? "") : "";
  const errorOf = (field: string) =>
    isApiError(start.error) && fieldOf === field ? start.error.message : undefined;
  const folded = [
    "repository",
    "agent",
    "model",
    "effort",
    "checkerAgent",
    "checkerModel",
    "checkerInstructions",
    "budgetMicroUsd",
  ];
  const refused = refusedPicture(start.error) && isApiError(start.error) ? start.error.message : undefined;
  const elsewhere =
    start.error && !refused && ![...folded, "prompt", "workflow", "baseBranch"].includes(fieldOf);
  return (
    <form
      onSubmit={submit}
      onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && submit(event)}
      onPaste={(event) => {
        const files = pasted(event.clipboardData);
        if (files.length > 0) {
          event.preventDefault();
          pictures.add(files);
        }
      }}
      className="grid gap-4"
    >
      <Field label={t("prompt")} error={errorOf("prompt")}>
        <Textarea
          autoFocus
          required
          className="min-h-36"
          placeholder={t("promptExample")}
          value={form.prompt}
          onChange={(event) => set({ prompt: event.target.value })}
        />
      </Field>
      <GivePictures slug={slug} pictures={pictures} problem={blind ?? refused} />
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label={t("workflow")} error={errorOf("workflow")}>
          <Select
            disabled={like !== undefined}
            value={workflow}
            onValueChange={(workflow) => set({ workflow })}
            options={
              like
                ? [{ value: like.workflow, label: like.workflow }]
                : workflows.map((workflow) => ({ value: workflow.name, label: workflow.name }))
            }
          />
        </Field>
        <Branch
          slug={slug}
          value={form.baseBranch}
          onValueChange={(baseBranch) => set({ baseBranch })}
          placeholder={project?.defaultBranch ?? t("repositoryDefault")}
          error={errorOf("baseBranch")}
        />
      </div>
      {/* What cannot be taken must not hide in it. */}
      <details className="group" open={folded.includes(fieldOf) || undefined}>
        <summary className="w-fit rounded-sm text-muted-foreground hover:text-foreground">
          {t("more")}
        </summary>
        <div className="mt-3 grid gap-4 sm:grid-cols-2">
          <AgentChoices
            slug={slug}
            value={form.designer}
            onChange={(change) => set({ designer: { ...form.designer, ...change } })}
            {...(like ? { keepsEffort: like.effort !== null } : { inherited: t("projectDefault") })}
            errorOf={errorOf}
          />
          <Field label={t("budget")} hint={t("budgetHint")} error={errorOf("budgetMicroUsd")}>
            <Input
              type="number"
              min="0.01"
              step="any"
              placeholder={t("projectDefault")}
              value={form.budget}
              onChange={(event) => set({ budget: event.target.value })}
            />
          </Field>
          {like ? null : (
            <Field className="sm:col-span-2" label={t("repository")} error={errorOf("repository")}>
              <Input
                placeholder={project?.repository ?? "https://github.com/acme/shop"}
                value={form.repository}
                onChange={(event) => set({ repository: event.target.value })}
              />
            </Field>
          )}
          {like ? null : (
            <AgentChoices
              slug={slug}
              fields={["agent", "model"]}
              labels={{ agent: t("checkerAgent"), model: t("checkerModel") }}
              value={form.checker}
              onChange={(change) => set({ checker: { ...form.checker, ...change } })}
              inherited={t("projectDefault")}
              errorOf={(field) => errorOf(field === "agent" ? "checkerAgent" : "checkerModel")}
            />
          )}
          <Field
            className="sm:col-span-2"
            label={t("checkerInstructions")}
            error={errorOf("checkerInstructions")}
          >
            <Textarea
              value={form.checkerInstructions}
              onChange={(event) => set({ checkerInstructions: event.target.value })}
            />
          </Field>
        </div>
      </details>
      {elsewhere ? <ErrorAlert error={start.error} /> : null}
      <div className="flex flex-wrap items-center justify-end gap-3">
        <Expected slug={slug} workflow={workflow} />
        <Kbd keys={shown("mod+enter")} />
        <Button type="submit" variant="primary" busy={start.isPending || pictures.sending} disabled={!ready}>
          {t("start")}
        </Button>
      </div>
    </form>
  );
}

/** Says which of a run's agents cannot look at the pictures that it is given. */
function useBlind(slug: string, images: string[], asked: (string | null | undefined)[]): string | undefined {
  const t = useTranslations("pictures");
  const format = useFormatter();
  const agents = useQuery(agentsQuery(slug)).data ?? [];
  const blind = images.length > 0 ? blindOf(agents, asked) : [];
  return blind.length > 0 ? t("blind", { agents: format.list(blind.map(({ name }) => name)) }) : undefined;
}

type BranchProps = {
  slug: string;
  value: string;
  onValueChange: (value: string) => void;
  placeholder: string;
  error: string | undefined;
};

function Branch({ slug, error, ...rest }: BranchProps) {
  const t = useTranslations("startRun");
  const sought = useDeferredValue(rest.value.trim());
  const found = useQuery({ ...branchesQuery(slug, sought), placeholderData: (before) => before }).data;
  return (
    <Field label={t("baseBranch")} error={error}>
      <Combobox listLabel={t("branches")} options={found?.names ?? []} {...rest} />
    </Field>
  );
}

/** What such runs took so far. */
function Expected({ slug, workflow }: { slug: string; workflow: string }) {
  const t = useTranslations("startRun");
  const money = useMoney();
  const past = useQuery(pastRunsQuery(slug, workflow)).data;
  const expected = useMemo(() => expectation(past ?? []), [past]);
  return expected ? (
    <p className="mr-auto text-[0.8125rem] text-muted-foreground">
      {t("expected", {
        time: duration(expected.milliseconds),
        cost: money(expected.microUsd),
        count: expected.runs,
      })}
    </p>
  ) : null;
}

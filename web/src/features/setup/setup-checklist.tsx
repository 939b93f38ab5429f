// What is left to do before the first run, on the project's page. It ticks itself as things come to be, whoever does
// them and wherever, and goes away when all is done or somebody sends it away.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, Circle, X } from "lucide-react";
import { type FormEvent, type ReactNode, useState } from "react";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import { api, data, done, isApiError, type Schemas } from "@/api/client";
import { projectDocumentQuery, projectQuery, providerKeysQuery, runsQuery } from "@/api/queries";
import { useAllCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select } from "@/components/ui/select";
import { ConfigureTexts } from "@/i18n/configure-texts";
import { nextStep, type SetupStep, setupSteps } from "./steps";
import { TrySample } from "./try-sample";

export function SetupChecklist({ slug }: { slug: string }) {
  const project = useQuery(projectQuery(slug)).data;
  const dismissed = `codecourier.setup-dismissed.${project?.id}`;
  const [gone, setGone] = useState(false);
  if (!project || project.role === "member" || gone || localStorage.getItem(dismissed)) {
    return null;
  }
  return (
    <ConfigureTexts>
      <Checklist
        slug={slug}
        project={project}
        onDismiss={() => {
          localStorage.setItem(dismissed, "yes");
          setGone(true);
        }}
      />
    </ConfigureTexts>
  );
}

type ChecklistProps = { slug: string; project: Schemas["Project"]; onDismiss: () => void };

function Checklist({ slug, project, onDismiss }: ChecklistProps) {
  const t = useTranslations("setup");
  const keys = useQuery(providerKeysQuery(slug)).data;
  const runs = useInfiniteQuery(runsQuery(slug, {})).data;
  const start = useAllCommands().find((command) => command.id === "new-run");
  if (!keys || !runs) {
    return null;
  }
  const hasRun = runs.pages.some((page) => page.data.length > 0);
  const steps = setupSteps({ keys, repository: project.repository, hasRun });
  const next = nextStep(steps);
  if (!next) {
    return null;
  }
  const doing: Record<SetupStep["id"], ReactNode> = {
    key: <KeyForm slug={slug} />,
    repository: <RepositoryForm slug={slug} />,
    run: (
      <div>
        <Button variant="primary" onClick={() => start?.run()}>
          {t("startRun")}
        </Button>
      </div>
    ),
  };
  return (
    <Card className="m-4 mb-0 grid max-w-2xl gap-3 p-4" aria-labelledby="setup-title">
      <div className="flex items-start gap-2">
        <div className="grid min-w-0 flex-1 gap-1">
          <h2 id="setup-title" className="font-semibold">
            {t("title")}
          </h2>
          <p role="status" className="text-muted-foreground">
            {t("progress", { done: steps.filter((step) => step.done).length, total: steps.length })}
          </p>
        </div>
        <Button variant="ghost" size="icon-small" aria-label={t("dismiss")} onClick={onDismiss}>
          <X aria-hidden />
        </Button>
      </div>
      <ol className="grid gap-3">
        {steps.map((step) => (
          <li key={step.id} className="flex gap-3" aria-current={step.id === next ? "step" : undefined}>
            {step.done ? (
              <Check className="mt-0.5 size-4 shrink-0 text-status-completed" aria-hidden />
            ) : (
              <Circle className="mt-0.5 size-4 shrink-0 text-muted-foreground" aria-hidden />
            )}
            <div className="grid min-w-0 flex-1 gap-2">
              <p className={step.done ? "text-muted-foreground" : "font-medium"}>
                {t(`steps.${step.id}`)}
                {step.done ? <span className="sr-only"> {t("done")}</span> : null}
              </p>
              {step.id === next ? (
                <>
                  <p className="text-pretty text-muted-foreground">{t(`whys.${step.id}`)}</p>
                  {doing[step.id]}
                </>
              ) : null}
            </div>
          </li>
        ))}
      </ol>
      {hasRun ? null : <TrySample slug={slug} />}
    </Card>
  );
}

const providers = [
  { value: "anthropic", label: "Anthropic" },
  { value: "anthropic_token", label: "Claude (subscription)" },
  { value: "openai", label: "OpenAI" },
  { value: "openrouter", label: "OpenRouter" },
] satisfies { value: Schemas["ProviderName"]; label: string }[];

/** A key is set, then tried at once: who mistyped it learns it here and not from a failed run. */
function KeyForm({ slug }: { slug: string }) {
  const t = useTranslations("setup");
  const verdicts = useTranslations("settings");
  const client = useQueryClient();
  const [provider, setProvider] = useState<Schemas["ProviderName"]>("anthropic");
  const [key, setKey] = useState("");
  const params = { path: { slug, provider } };
  const set = useMutation({
    mutationFn: async () => {
      await done(api.PUT("/api/v1/projects/{slug}/provider-keys/{provider}", { params, body: { key } }));
      const checked = await data(
        api.POST("/api/v1/projects/{slug}/provider-keys/{provider}/validate", { params }),
      );
      if (checked.verdict === "refused") {
        await done(api.DELETE("/api/v1/projects/{slug}/provider-keys/{provider}", { params }));
      }
      return checked;
    },
    onSuccess: ({ verdict }) => {
      if (verdict !== "refused") {
        const label = providers.find((each) => each.value === provider)?.label ?? provider;
        toast(verdicts(`verdicts.${verdict}`, { provider: label }));
      }
    },
    onSettled: () => void client.invalidateQueries({ queryKey: providerKeysQuery(slug).queryKey }),
  });
  const error = isApiError(set.error)
    ? set.error.message
    : set.data?.verdict === "refused"
      ? t("refused")
      : undefined;
  return (
    <form
      className="grid items-start gap-2 sm:grid-cols-[9rem_1fr_auto]"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        set.mutate();
      }}
    >
      <Field label={t("provider")}>
        <Select
          value={provider}
          onValueChange={(chosen) => setProvider(chosen as Schemas["ProviderName"])}
          options={providers}
        />
      </Field>
      <Field
        label={t("key")}
        hint={provider === "anthropic_token" ? verdicts("subscriptionRisk") : undefined}
        error={error}
      >
        <Input
          type="password"
          autoComplete="off"
          required
          value={key}
          onChange={(event) => {
            set.reset();
            setKey(event.target.value);
          }}
        />
      </Field>
      <Button type="submit" variant="primary" busy={set.isPending} className="sm:mt-[1.625rem]">
        {t("saveKey")}
      </Button>
    </form>
  );
}

function RepositoryForm({ slug }: { slug: string }) {
  const t = useTranslations("setup");
  const client = useQueryClient();
  const [repository, setRepository] = useState("");
  const save = useMutation({
    mutationFn: async () => {
      // The version that is there now: nothing but the repository is changed, and only here.
      const { tag } = await client.fetchQuery({ ...projectDocumentQuery(slug), staleTime: 0 });
      await done(
        api.PATCH("/api/v1/projects/{slug}", {
          params: { path: { slug }, header: { "If-Match": tag } },
          body: { repository: repository.trim() },
        }),
      );
    },
    onSettled: () => void client.invalidateQueries({ queryKey: projectQuery(slug).queryKey }),
  });
  return (
    <form
      className="grid items-start gap-2 sm:grid-cols-[1fr_auto]"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Field label={t("repository")} error={isApiError(save.error) ? save.error.message : undefined}>
        <Input
          required
          placeholder="https://github.com/acme/shop"
          value={repository}
          onChange={(event) => {
            save.reset();
            setRepository(event.target.value);
          }}
        />
      </Field>
      <Button type="submit" variant="primary" busy={save.isPending} className="sm:mt-[1.625rem]">
        {t("save")}
      </Button>
    </form>
  );
}

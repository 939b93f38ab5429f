import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import { api, data, done, isApiError, type Schemas } from "@/api/client";
import { projectDocumentQuery, projectQuery, providerKeysQuery } from "@/api/queries";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Field } from "@/components/ui/field";
import { Input, Textarea } from "@/components/ui/input";
import { ErrorText } from "@/features/frame/error-screens";
import { PageHeader } from "@/features/frame/page-header";
import { useFailure } from "@/features/frame/use-failure";

export function SettingsScreen({ slug }: { slug: string }) {
  const t = useTranslations("settings");
  const document = useQuery(projectDocumentQuery(slug)).data;
  return (
    <>
      <PageHeader title={t("title")} />
      <div className="grid max-w-2xl gap-4 p-4">
        {document ? <General key={document.project.updatedAt} slug={slug} {...document} /> : null}
        <ProviderKeys slug={slug} />
      </div>
    </>
  );
}

function General({ slug, project, tag }: { slug: string; project: Schemas["Project"]; tag: string }) {
  const t = useTranslations("settings");
  const client = useQueryClient();
  const [form, setForm] = useState({
    name: project.name,
    description: project.description,
    repository: project.repository ?? "",
    defaultBranch: project.defaultBranch ?? "",
  });
  const save = useMutation({
    mutationFn: () =>
      done(
        api.PATCH("/api/v1/projects/{slug}", {
          // Whoever else has changed it meanwhile is not overwritten unseen.
          params: { path: { slug }, header: { "If-Match": tag } },
          body: {
            name: form.name,
            description: form.description,
            repository: form.repository.trim() || null,
            defaultBranch: form.defaultBranch.trim() || null,
          },
        }),
      ),
    onSuccess: () => {
      toast(t("saved"));
      void client.invalidateQueries({ queryKey: projectQuery(slug).queryKey });
    },
  });
  const errorOf = (field: string) =>
    isApiError(save.error) && save.error.field === field ? save.error.message : undefined;
  const named = isApiError(save.error) && save.error.field !== null && save.error.field in form;
  return (
    <Card className="p-4">
      <form
        className="grid gap-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <h2 className="font-semibold">{t("general")}</h2>
        <Field label={t("name")} error={errorOf("name")}>
          <Input
            required
            maxLength={80}
            value={form.name}
            onChange={(event) => setForm({ ...form, name: event.target.value })}
          />
        </Field>
        <Field label={t("description")} error={errorOf("description")}>
          <Textarea
            maxLength={2000}
            value={form.description}
            onChange={(event) => setForm({ ...form, description: event.target.value })}
          />
        </Field>
        <Field label={t("repository")} error={errorOf("repository")}>
          <Input
            placeholder="https://github.com/acme/shop"
            value={form.repository}
            onChange={(event) => setForm({ ...form, repository: event.target.value })}
          />
        </Field>
        <Field label={t("defaultBranch")} hint={t("defaultBranchHint")} error={errorOf("defaultBranch")}>
          <Input
            value={form.defaultBranch}
            onChange={(event) => setForm({ ...form, defaultBranch: event.target.value })}
          />
        </Field>
        {save.error && !named ? (
          <div role="alert" className="text-destructive">
            <ErrorText error={save.error} />
          </div>
        ) : null}
        <div>
          <Button type="submit" variant="primary" busy={save.isPending}>
            {t("save")}
          </Button>
        </div>
      </form>
    </Card>
  );
}

const providers: { name: Schemas["ProviderName"]; label: string }[] = [
  { name: "anthropic", label: "Anthropic" },
  { name: "openai", label: "OpenAI" },
  { name: "openrouter", label: "OpenRouter" },
  { name: "github", label: "GitHub" },
  { name: "e2b", label: "E2B" },
];

function ProviderKeys({ slug }: { slug: string }) {
  const t = useTranslations("settings");
  const keys = useQuery(providerKeysQuery(slug)).data ?? [];
  return (
    <Card className="grid gap-3 p-4">
      <h2 className="font-semibold">{t("providerKeys")}</h2>
      <p className="text-muted-foreground">{t("providerKeysWhy")}</p>
      <ul className="-mx-4 divide-y border-t">
        {providers.map(({ name, label }) => (
          <ProviderKeyRow
            key={name}
            slug={slug}
            provider={name}
            label={label}
            present={keys.find((key) => key.provider === name)}
          />
        ))}
      </ul>
    </Card>
  );
}

type ProviderKeyRowProps = {
  slug: string;
  provider: Schemas["ProviderName"];
  label: string;
  present: Schemas["ProviderKey"] | undefined;
};

function ProviderKeyRow({ slug, provider, label, present }: ProviderKeyRowProps) {
  const t = useTranslations("settings");
  const client = useQueryClient();
  const fail = useFailure();
  const [key, setKey] = useState("");
  const [editing, setEditing] = useState(false);
  const params = { path: { slug, provider } };
  const fresh = () => void client.invalidateQueries({ queryKey: providerKeysQuery(slug).queryKey });
  const set = useMutation({
    mutationFn: () =>
      done(api.PUT("/api/v1/projects/{slug}/provider-keys/{provider}", { params, body: { key } })),
    onSuccess: () => {
      setKey("");
      setEditing(false);
      check.mutate();
    },
    onSettled: fresh,
  });
  const remove = useMutation({
    mutationFn: () => done(api.DELETE("/api/v1/projects/{slug}/provider-keys/{provider}", { params })),
    onError: fail,
    onSettled: fresh,
  });
  const check = useMutation({
    mutationFn: () => data(api.POST("/api/v1/projects/{slug}/provider-keys/{provider}/validate", { params })),
    onSuccess: (result) => toast(t(`verdicts.${result.verdict}`, { provider: label })),
    onError: fail,
  });
  return (
    <li className="grid gap-2 px-4 py-2">
      <div className="flex flex-wrap items-center gap-2">
        <span className="min-w-0 flex-1">
          {label}{" "}
          <span className="text-muted-foreground">{present ? `…${present.lastFour}` : t("notSet")}</span>
        </span>
        {present ? (
          <>
            <Button size="small" busy={check.isPending} onClick={() => check.mutate()}>
              {t("check")}
            </Button>
            <Button size="small" busy={remove.isPending} onClick={() => remove.mutate()}>
              {t("remove")}
            </Button>
          </>
        ) : null}
        <Button size="small" onClick={() => setEditing(!editing)} aria-expanded={editing}>
          {present ? t("replace") : t("set")}
        </Button>
      </div>
      {editing ? (
        <form
          className="flex items-end gap-2"
          onSubmit={(event: FormEvent) => {
            event.preventDefault();
            set.mutate();
          }}
        >
          <Field
            className="flex-1"
            label={t("keyOf", { provider: label })}
            error={isApiError(set.error) ? set.error.message : undefined}
          >
            <Input
              autoFocus
              type="password"
              autoComplete="off"
              required
              value={key}
              onChange={(event) => setKey(event.target.value)}
            />
          </Field>
          <Button type="submit" variant="primary" busy={set.isPending}>
            {t("save")}
          </Button>
        </form>
      ) : null}
    </li>
  );
}

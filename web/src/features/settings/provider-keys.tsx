// The keys of outside services: set, tried, replaced, removed; never shown.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useRef, useState } from "react";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import { api, data, done, isApiError, type Schemas } from "@/api/client";
import { expected } from "@/api/optimistic";
import { providerKeysQuery } from "@/api/queries";
import { useEditKey, useListKeys } from "@/commands/list-keys";
import { Confirm } from "@/components/ui/alert-dialog";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Section } from "@/features/forms/form";
import { useFailure } from "@/features/frame/use-failure";
import { useOptimistic } from "@/features/frame/use-optimistic";
import { Ago } from "@/features/runs/moments";
import { cn } from "@/lib/cn";

const providers: { name: Schemas["ProviderName"]; label: string }[] = [
  { name: "anthropic", label: "Anthropic" },
  { name: "anthropic_token", label: "Claude (subscription)" },
  { name: "openai", label: "OpenAI" },
  { name: "openrouter", label: "OpenRouter" },
  { name: "github", label: "GitHub" },
  { name: "e2b", label: "E2B" },
];

export function ProviderKeys({ slug }: { slug: string }) {
  const t = useTranslations("settings");
  const keys = useQuery(providerKeysQuery(slug)).data ?? [];
  const list = useRef<HTMLUListElement>(null);
  useListKeys(list);
  useEditKey(list);
  return (
    <Section title={t("providerKeys")} why={t("providerKeysWhy")}>
      <ul ref={list} className="-mx-4 -mb-4 divide-y border-t">
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
    </Section>
  );
}

type ProviderKeyRowProps = {
  slug: string;
  provider: Schemas["ProviderName"];
  label: string;
  present: Schemas["ProviderKey"] | undefined;
};

export function ProviderKeyRow({ slug, provider, label, present }: ProviderKeyRowProps) {
  const t = useTranslations("settings");
  const client = useQueryClient();
  const fail = useFailure();
  const [key, setKey] = useState("");
  const [editing, setEditing] = useState(false);
  const [removing, setRemoving] = useState(false);
  const riskId = useId();
  // Said before the key is there, so that whoever enters it knows what it is for.
  const risk = provider === "anthropic_token" ? t("subscriptionRisk") : undefined;
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
  const remove = useOptimistic({
    of: providerKeysQuery(slug),
    send: () => done(api.DELETE("/api/v1/projects/{slug}/provider-keys/{provider}", { params })),
    expects: () => [
      expected(providerKeysQuery(slug), (keys) => keys.filter((each) => each.provider !== provider)),
    ],
  });
  const check = useMutation({
    mutationFn: () => data(api.POST("/api/v1/projects/{slug}/provider-keys/{provider}/validate", { params })),
    onSuccess: (result) => toast(t(`verdicts.${result.verdict}`, { provider: label })),
    onError: fail,
  });
  return (
    <li className="grid gap-2 px-4 py-2">
      <div className="flex flex-wrap items-center gap-2">
        <span className={cn("grid min-w-0 flex-1", present && "max-sm:basis-full")}>
          <span>
            {label}{" "}
            <span className="text-muted-foreground">{present ? `…${present.lastFour}` : t("notSet")}</span>
          </span>
          {present ? (
            <span className="text-[0.8125rem] text-muted-foreground">
              {t.rich(present.lastUsedAt ? "keyUsed" : "keyUnused", {
                set: () => <Ago at={present.setAt} />,
                used: () => <Ago at={present.lastUsedAt ?? present.setAt} />,
              })}
            </span>
          ) : null}
          {risk && (present || editing) ? (
            <span id={riskId} className="text-[0.8125rem] text-status-paused">
              {risk}
            </span>
          ) : null}
        </span>
        {present ? (
          <Button size="small" busy={check.isPending} onClick={() => check.mutate()}>
            {t("check")}
          </Button>
        ) : null}
        <Button size="small" data-edits onClick={() => setEditing(!editing)} aria-expanded={editing}>
          {present ? t("replace") : t("set")}
        </Button>
        {present ? (
          <Button size="small" onClick={() => setRemoving(true)}>
            {t("remove")}
          </Button>
        ) : null}
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
            describedBy={risk ? riskId : undefined}
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
      <Confirm
        open={removing}
        onOpenChange={setRemoving}
        title={t("removeKeyTitle", { provider: label })}
        confirmLabel={t("remove")}
        cancelLabel={t("keep")}
        onConfirm={() => {
          setRemoving(false);
          remove.mutate();
        }}
      >
        {t("removeKeyWhy")}
      </Confirm>
    </li>
  );
}

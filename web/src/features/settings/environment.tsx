// What a sandbox is prepared with: environment variables, plain and secret, and the script that runs before the agent.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Lock, Plus } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";
import { useTranslations } from "use-intl";
import { api, done, isApiError, type Schemas } from "@/api/client";
import { expected } from "@/api/optimistic";
import { variablesQuery } from "@/api/queries";
import { useEditKey, useListKeys } from "@/commands/list-keys";
import { Confirm } from "@/components/ui/alert-dialog";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Textarea } from "@/components/ui/input";
import { Skeleton } from "@/components/ui/skeleton";
import { Switch } from "@/components/ui/switch";
import { FormField, SavedForm, Section } from "@/features/forms/form";
import { ErrorAlert } from "@/features/frame/error-screens";
import { useFailure } from "@/features/frame/use-failure";
import { useOptimistic } from "@/features/frame/use-optimistic";
import { useUndoable } from "@/features/frame/use-undoable";
import { Ago } from "@/features/runs/moments";
import { useSettingsForm } from "./use-settings-form";

export function Environment({ slug }: { slug: string }) {
  return (
    <>
      <Variables slug={slug} />
      <SetupScript slug={slug} />
    </>
  );
}

function SetupScript({ slug }: { slug: string }) {
  const t = useTranslations("environment");
  const { form } = useSettingsForm(slug, ["setupScript"] as const);
  return (
    <SavedForm form={form}>
      <Section title={t("setupScript")} why={t("setupScriptWhy")}>
        <FormField form={form} name="setupScript" label={t("script")}>
          <Textarea
            className="min-h-32 font-mono text-[0.8125rem]"
            maxLength={50_000}
            spellCheck={false}
            placeholder={"npm ci\nnpm run build"}
            value={form.value.setupScript}
            onChange={(event) => form.set({ setupScript: event.target.value })}
          />
        </FormField>
      </Section>
    </SavedForm>
  );
}

type Written = { name: string; value: string; secret: boolean };

/** A variable while it is changed: what was written already, and why that was not taken. */
type Editing = { variable: Schemas["Variable"]; written?: Written; refused?: unknown };

function Variables({ slug }: { slug: string }) {
  const t = useTranslations("environment");
  const fail = useFailure();
  const variables = useQuery(variablesQuery(slug));
  const [editing, setEditing] = useState<Editing | "new" | null>(null);
  const change = useOptimistic<{ variable: Schemas["Variable"]; written: Written }>({
    of: variablesQuery(slug),
    send: ({ variable, written }) =>
      done(
        api.PATCH("/api/v1/projects/{slug}/variables/{variable}", {
          params: { path: { slug, variable: variable.id } },
          // `null` and absent are the same here: it stays.
          body: {
            value: keepsValue(variable, written) ? null : written.value,
            secret: written.secret === variable.secret ? null : written.secret,
          },
        }),
      ),
    expects: ({ variable, written: { secret, value } }) => [
      expected(variablesQuery(slug), (all) =>
        all.map((each) =>
          each.id === variable.id ? { ...each, secret, value: secret ? null : value } : each,
        ),
      ),
    ],
    onRefused: (error, edit) => {
      fail(error);
      // Nothing that was written is lost.
      setEditing((now) => now ?? { ...edit, refused: error });
    },
  });
  const list = useRef<HTMLUListElement>(null);
  useListKeys(list);
  useEditKey(list);
  return (
    <Section
      title={t("variables")}
      why={t("variablesWhy")}
      action={
        <Button size="small" onClick={() => setEditing("new")}>
          <Plus aria-hidden />
          {t("add")}
        </Button>
      }
    >
      {variables.isPending ? (
        <Skeleton className="h-16" />
      ) : variables.error ? (
        <ErrorAlert error={variables.error} />
      ) : variables.data.length === 0 ? (
        <p className="rounded-md border border-dashed p-4 text-center text-muted-foreground">{t("none")}</p>
      ) : (
        <ul ref={list} className="-mx-4 -mb-4 divide-y border-t">
          {variables.data.map((variable) => (
            <VariableRow
              key={variable.id}
              slug={slug}
              variable={variable}
              onEdit={() => setEditing({ variable })}
            />
          ))}
        </ul>
      )}
      {editing ? (
        <EditVariable
          slug={slug}
          editing={editing === "new" ? undefined : editing}
          onChange={(variable, written) => {
            setEditing(null);
            change.mutate({ variable, written });
          }}
          onClose={() => setEditing(null)}
        />
      ) : null}
    </Section>
  );
}

type VariableRowProps = { slug: string; variable: Schemas["Variable"]; onEdit: () => void };

function VariableRow({ slug, variable, onEdit }: VariableRowProps) {
  const t = useTranslations("environment");
  const client = useQueryClient();
  const undoable = useUndoable();
  const [removing, setRemoving] = useState(false);
  const putBack = async (value: string) => {
    await done(
      api.POST("/api/v1/projects/{slug}/variables", {
        params: { path: { slug } },
        body: { name: variable.name, value, secret: false },
      }),
    );
    await client.invalidateQueries({ queryKey: variablesQuery(slug).queryKey });
  };
  const remove = useOptimistic({
    of: variablesQuery(slug),
    send: () =>
      done(
        api.DELETE("/api/v1/projects/{slug}/variables/{variable}", {
          params: { path: { slug, variable: variable.id } },
        }),
      ),
    expects: () => [expected(variablesQuery(slug), (all) => all.filter((each) => each.id !== variable.id))],
    onDone: () => {
      const { value } = variable;
      if (value !== null) {
        undoable(t("removed", { name: variable.name }), () => putBack(value));
      }
    },
  });
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2">
      <span className="grid min-w-0 flex-1 basis-48">
        <code className="truncate font-medium text-[0.8125rem]">{variable.name}</code>
        <span className="truncate text-[0.8125rem] text-muted-foreground">
          {variable.secret ? (
            t("hidden")
          ) : (
            <code className="text-[0.8125rem]">{variable.value || t("empty")}</code>
          )}
        </span>
      </span>
      {variable.secret ? (
        <Badge>
          <Lock className="size-3" aria-hidden />
          {t("secret")}
        </Badge>
      ) : null}
      <span className="text-[0.8125rem] text-muted-foreground max-sm:hidden">
        <Ago at={variable.updatedAt} />
      </span>
      <span className="flex gap-2 max-sm:w-full">
        <Button
          size="small"
          data-edits
          onClick={onEdit}
          aria-label={t("changeNamed", { name: variable.name })}
        >
          {t("change")}
        </Button>
        <Button
          size="small"
          // What is known here can be put back; the value of a secret is not, so that is asked about.
          onClick={() => (variable.value === null ? setRemoving(true) : remove.mutate())}
          aria-label={t("removeNamed", { name: variable.name })}
        >
          {t("remove")}
        </Button>
      </span>
      <Confirm
        open={removing}
        onOpenChange={setRemoving}
        title={t("removeTitle", { name: variable.name })}
        confirmLabel={t("remove")}
        cancelLabel={t("cancel")}
        onConfirm={() => {
          setRemoving(false);
          remove.mutate();
        }}
      >
        {t("removeWhy")}
      </Confirm>
    </li>
  );
}

/** The value of a secret is never shown, so leaving the field empty leaves it as it is. */
function keepsValue(variable: Schemas["Variable"], written: Written): boolean {
  return variable.secret && written.secret && written.value === "";
}

type EditVariableProps = {
  slug: string;
  /** Nothing where it is a new one. */
  editing: Editing | undefined;
  onChange: (variable: Schemas["Variable"], written: Written) => void;
  onClose: () => void;
};

function EditVariable({ slug, editing, onChange, onClose }: EditVariableProps) {
  const t = useTranslations("environment");
  const client = useQueryClient();
  const variable = editing?.variable;
  const [form, setForm] = useState<Written>(
    editing?.written ?? {
      name: variable?.name ?? "",
      value: variable?.value ?? "",
      secret: variable?.secret ?? false,
    },
  );
  const create = useMutation({
    mutationFn: () =>
      done(api.POST("/api/v1/projects/{slug}/variables", { params: { path: { slug } }, body: form })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: variablesQuery(slug).queryKey });
      onClose();
    },
  });
  const refused = create.error ?? editing?.refused;
  const errorOf = (field: string) =>
    isApiError(refused) && refused.field === field ? refused.message : undefined;
  const named = isApiError(refused) && ["name", "value", "secret"].includes(refused.field ?? "");
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()}>
      <DialogContent
        title={variable ? t("changeNamed", { name: variable.name }) : t("add")}
        closeLabel={t("close")}
      >
        <form
          className="grid gap-4"
          onSubmit={(event: FormEvent) => {
            event.preventDefault();
            if (variable) {
              onChange(variable, form);
            } else {
              create.mutate();
            }
          }}
        >
          {variable ? null : (
            <Field label={t("name")} hint={t("nameHint")} error={errorOf("name")}>
              <Input
                autoFocus
                required
                maxLength={128}
                pattern="[A-Za-z_][A-Za-z0-9_]*"
                spellCheck={false}
                className="font-mono"
                placeholder="DATABASE_URL"
                value={form.name}
                onChange={(event) => setForm({ ...form, name: event.target.value })}
              />
            </Field>
          )}
          <Field
            label={t("value")}
            hint={variable?.secret && form.secret ? t("keepValue") : undefined}
            error={errorOf("value")}
          >
            {form.secret ? (
              <Input
                type="password"
                autoComplete="off"
                autoFocus={variable !== undefined}
                required={!variable?.secret}
                value={form.value}
                onChange={(event) => setForm({ ...form, value: event.target.value })}
              />
            ) : (
              <Textarea
                autoFocus={variable !== undefined}
                maxLength={32_768}
                spellCheck={false}
                className="min-h-16 font-mono text-[0.8125rem]"
                value={form.value}
                onChange={(event) => setForm({ ...form, value: event.target.value })}
              />
            )}
          </Field>
          <div className="grid gap-1">
            {/* biome-ignore lint/a11y/noLabelWithoutControl: the switch is the control */}
            <label className="flex items-center gap-2">
              <Switch checked={form.secret} onCheckedChange={(secret) => setForm({ ...form, secret })} />
              {t("secret")}
            </label>
            <p className={errorOf("secret") ? "text-destructive" : "text-[0.8125rem] text-muted-foreground"}>
              {errorOf("secret") ?? t("secretWhy")}
            </p>
          </div>
          {refused && !named ? <ErrorAlert error={refused} /> : null}
          <div className="flex justify-end">
            <Button type="submit" variant="primary" busy={create.isPending}>
              {t("save")}
            </Button>
          </div>
        </form>
      </DialogContent>
    </Dialog>
  );
}

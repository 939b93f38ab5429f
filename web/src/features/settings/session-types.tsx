// What differs for the runs that the platform itself starts.
import { useQuery } from "@tanstack/react-query";
import { ChevronRight } from "lucide-react";
import { useId, useState } from "react";
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { agentsQuery } from "@/api/queries";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { AgentChoices } from "@/features/agents/agent-choices";
import { SavedForm, Section, Theirs } from "@/features/forms/form";
import { cn } from "@/lib/cn";
import { useSettingsForm } from "./use-settings-form";

type Session = Required<Schemas["SessionSettings"]>;
type Kind = keyof Schemas["SessionTypes"];

const kinds: Kind[] = ["issue", "answering", "learning", "merging", "evaluator", "judge"];
const lists = ["contexts", "skills", "commands", "scripts"] as const;
const asEveryRun: Session = {
  agent: null,
  model: null,
  effort: null,
  template: null,
  contexts: [],
  skills: [],
  commands: [],
  scripts: [],
};

export function SessionTypes({ slug }: { slug: string }) {
  const t = useTranslations("sessionTypes");
  const { form } = useSettingsForm(slug, ["sessionTypes"] as const);
  const set = (kind: Kind, session: Session | null) =>
    form.set({ sessionTypes: { ...form.value.sessionTypes, [kind]: session } });
  return (
    <SavedForm form={form}>
      <Section title={t("title")} why={t("why")}>
        <ul className="-mx-4 -mb-4 divide-y border-t">
          {kinds.map((kind) => (
            <SessionType
              key={kind}
              slug={slug}
              kind={kind}
              value={form.value.sessionTypes[kind]}
              onChange={(session) => set(kind, session)}
              errorOf={(field) => form.errorOf(`sessionTypes.${kind}.${field}`)}
            />
          ))}
        </ul>
        <Theirs form={form} name="sessionTypes" />
      </Section>
    </SavedForm>
  );
}

type SessionTypeProps = {
  slug: string;
  kind: Kind;
  value: Schemas["SessionSettings"] | null;
  onChange: (session: Session | null) => void;
  errorOf: (field: string) => string | undefined;
};

function SessionType({ slug, kind, value, onChange, errorOf }: SessionTypeProps) {
  const t = useTranslations("sessionTypes");
  const [open, setOpen] = useState(false);
  const id = useId();
  const session: Session = { ...asEveryRun, ...value };
  const change = (part: Partial<Session>) => onChange({ ...session, ...part });
  const agents = useQuery(agentsQuery(slug)).data;
  const agent = agents?.find((each) => each.id === session.agent)?.name ?? session.agent;
  return (
    <li className="grid gap-3 px-4 py-2">
      <button
        type="button"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
        className="flex min-h-7 items-center gap-2 text-left"
      >
        <ChevronRight
          className={cn("size-4 shrink-0 text-muted-foreground transition-transform", open && "rotate-90")}
          aria-hidden
        />
        <span className="grid min-w-0 flex-1">
          <span className="font-medium">{t(`kinds.${kind}`)}</span>
          <span className="text-[0.8125rem] text-muted-foreground">{t(`whys.${kind}`)}</span>
        </span>
        <Badge>
          {value ? [agent, session.model].filter(Boolean).join(" · ") || t("differs") : t("same")}
        </Badge>
      </button>
      {open ? (
        <div id={id} className="grid gap-4 pb-2 pl-6">
          <div className="grid gap-4 sm:grid-cols-3">
            <AgentChoices
              slug={slug}
              value={session}
              onChange={change}
              inherited={t("asEveryRun")}
              errorOf={(field) => errorOf(field)}
            />
          </div>
          <div className="grid gap-4 sm:grid-cols-2">
            <Field label={t("template")} error={errorOf("template")}>
              <Input
                value={session.template ?? ""}
                maxLength={64}
                placeholder={t("asEveryRun")}
                onChange={(event) => change({ template: event.target.value.trim() || null })}
              />
            </Field>
            {lists.map((list) => (
              <Names
                key={list}
                label={t(list)}
                value={session[list]}
                onChange={(names) => change({ [list]: names })}
                error={errorOf(list)}
              />
            ))}
          </div>
          {value ? (
            <div>
              <Button size="small" onClick={() => onChange(null)}>
                {t("reset")}
              </Button>
            </div>
          ) : null}
        </div>
      ) : null}
    </li>
  );
}

type NamesProps = {
  label: string;
  value: string[];
  onChange: (names: string[]) => void;
  error: string | undefined;
};

/** Names with commas between them, kept as they are written. */
function Names({ label, value, onChange, error }: NamesProps) {
  const t = useTranslations("sessionTypes");
  const [text, setText] = useState(value.join(", "));
  const read = (written: string) =>
    written
      .split(",")
      .map((name) => name.trim())
      .filter(Boolean);
  const shown = read(text).join() === value.join() ? text : value.join(", ");
  return (
    <Field label={label} hint={t("namesHint")} error={error}>
      <Input
        value={shown}
        spellCheck={false}
        onChange={(event) => {
          setText(event.target.value);
          onChange(read(event.target.value));
        }}
      />
    </Field>
  );
}

// Which agent, which model, how hard it thinks: the same three choices for a project, a session type and a step.
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select } from "@/components/ui/select";

export const agents: { name: Schemas["AgentName"]; label: string }[] = [
  { name: "claude", label: "Claude Code" },
  { name: "opencode", label: "OpenCode" },
  { name: "codex", label: "Codex" },
  { name: "pi", label: "Pi" },
];

export const efforts: Schemas["EffortName"][] = ["low", "medium", "high", "xhigh", "max"];

export type AgentChoice = {
  agent: Schemas["AgentName"] | null;
  model: string | null;
  effort: Schemas["EffortName"] | null;
};

type AgentChoicesProps = {
  value: AgentChoice;
  onChange: (change: Partial<AgentChoice>) => void;
  /** What holds where nothing is chosen; without it, an agent is always chosen. */
  inherited?: string;
  modelHint?: string;
  errorOf?: (field: keyof AgentChoice) => string | undefined;
  disabled?: boolean;
};

/** No agent and no effort has this name. */
const NONE = "-";

export function AgentChoices({
  value,
  onChange,
  inherited,
  modelHint,
  errorOf,
  disabled,
}: AgentChoicesProps) {
  const t = useTranslations("agents");
  const none = inherited ? [{ value: NONE, label: inherited }] : [];
  return (
    <div className="grid gap-4 sm:grid-cols-3">
      <Field label={t("agent")} error={errorOf?.("agent")}>
        <Select
          value={value.agent ?? NONE}
          onValueChange={(agent) =>
            onChange({ agent: agents.find((each) => each.name === agent)?.name ?? null })
          }
          options={[...none, ...agents.map(({ name, label }) => ({ value: name, label }))]}
          disabled={disabled ?? false}
        />
      </Field>
      <Field label={t("model")} hint={modelHint} error={errorOf?.("model")}>
        <Input
          value={value.model ?? ""}
          maxLength={128}
          spellCheck={false}
          disabled={disabled}
          placeholder={inherited}
          onChange={(event) => onChange({ model: event.target.value.trim() || null })}
        />
      </Field>
      <Field label={t("effort")} error={errorOf?.("effort")}>
        <Select
          value={value.effort ?? NONE}
          onValueChange={(effort) => onChange({ effort: efforts.find((each) => each === effort) ?? null })}
          options={[
            { value: NONE, label: inherited ?? t("effortDefault") },
            ...efforts.map((effort) => ({ value: effort, label: t(`efforts.${effort}`) })),
          ]}
          disabled={disabled ?? false}
        />
      </Field>
    </div>
  );
}

// Which agent, and which of its models: what is offered is what can work, and what cannot says why.
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { Combobox } from "@/components/ui/combobox";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";

/** A choice of a select that leaves it to the project; it takes no empty one. */
const PROJECT = "project";

type ChoiceProps = {
  label: string;
  agents: readonly Schemas["Agent"][];
  /** Empty: the project's. */
  value: string;
  onValueChange: (value: string) => void;
  error: string | undefined;
};

export function AgentChoice({ label, agents, value, onValueChange, error }: ChoiceProps) {
  const t = useTranslations("startRun");
  const problem = agents.find((agent) => agent.id === value)?.problem;
  return (
    <Field label={label} hint={problem ?? undefined} error={error}>
      <Select
        value={value || PROJECT}
        onValueChange={(next) => onValueChange(next === PROJECT ? "" : next)}
        options={[
          { value: PROJECT, label: t("projectDefault") },
          ...agents.map((agent) => ({
            value: agent.id,
            label: agent.name,
            ...(agent.available ? {} : { hint: t("unavailable") }),
          })),
        ]}
      />
    </Field>
  );
}

/** Any model that the agent can reach may be named; those that are known are offered. */
export function ModelChoice({
  label,
  agents,
  agent,
  value,
  onValueChange,
  error,
}: ChoiceProps & { agent: string }) {
  const t = useTranslations("startRun");
  const one = agents.find((each) => each.id === agent);
  const models = (one ? [one] : agents).flatMap((each) => each.models.map((model) => model.name));
  const sought = value.trim().toLowerCase();
  return (
    <Field label={label} error={error}>
      <Combobox
        listLabel={t("models")}
        placeholder={one?.defaultModel ?? t("projectDefault")}
        value={value}
        onValueChange={onValueChange}
        options={[...new Set(models)].filter((model) => model.toLowerCase().includes(sought))}
      />
    </Field>
  );
}

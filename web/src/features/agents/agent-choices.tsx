// Which agent, which model, how hard it thinks: the same choices wherever there are any. What is offered is what the
// server says that each agent can do, which is also what it checks requests by.
import { useQuery } from "@tanstack/react-query";
import { useTranslations } from "use-intl";
import { agentsQuery } from "@/api/queries";
import { Combobox } from "@/components/ui/combobox";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { type AgentChoice, changedBy, effortsOf, modelsOf } from "./capabilities";

type AgentChoicesProps = {
  slug: string;
  value: AgentChoice;
  onChange: (change: Partial<AgentChoice>) => void;
  /** Which of the choices there are. */
  fields?: readonly (keyof AgentChoice)[];
  /** What holds where nothing is chosen; without it, an agent is always chosen. */
  inherited?: string;
  /** What the choices are called where it is not simply the agent's. */
  labels?: Partial<Record<keyof AgentChoice, string>>;
  /** The effort that is chosen cannot be given back to the agent, only changed. */
  keepsEffort?: boolean;
  errorOf?: (field: keyof AgentChoice) => string | undefined;
  disabled?: boolean;
};

/** No agent and no effort has this name. */
const NONE = "-";
const every = ["agent", "model", "effort"] as const;

/** The fields, for a grid that the caller lays out. */
export function AgentChoices({
  slug,
  value,
  onChange,
  fields = every,
  inherited,
  labels,
  keepsEffort = false,
  errorOf,
  disabled = false,
}: AgentChoicesProps) {
  const t = useTranslations("agentChoice");
  const agents = useQuery(agentsQuery(slug)).data ?? [];
  const chosen = agents.find((agent) => agent.id === value.agent);
  const sought = value.model?.trim().toLowerCase() ?? "";
  const efforts = effortsOf(chosen);
  return (
    <>
      {fields.includes("agent") ? (
        <Field
          label={labels?.agent ?? t("agent")}
          hint={chosen?.problem ?? undefined}
          error={errorOf?.("agent")}
        >
          <Select
            value={value.agent ?? NONE}
            onValueChange={(id) =>
              onChange(changedBy(agents, value, agents.find((agent) => agent.id === id)?.id ?? null))
            }
            options={[
              ...(inherited ? [{ value: NONE, label: inherited }] : []),
              ...agents.map((agent) => ({
                value: agent.id,
                label: agent.name,
                ...(agent.available ? {} : { hint: t("unavailable") }),
              })),
              // What is chosen shows before the agents are known.
              ...(value.agent && !chosen ? [{ value: value.agent, label: value.agent }] : []),
            ]}
            disabled={disabled}
          />
        </Field>
      ) : null}
      {fields.includes("model") ? (
        // Any model that the agent can reach may be named; those that are known are offered.
        <Field label={labels?.model ?? t("model")} error={errorOf?.("model")}>
          <Combobox
            listLabel={t("models")}
            placeholder={inherited ?? chosen?.defaultModel ?? ""}
            value={value.model ?? ""}
            maxLength={128}
            onValueChange={(model) => onChange({ model: model.trim() || null })}
            options={modelsOf(agents, chosen).filter((model) => model.toLowerCase().includes(sought))}
            disabled={disabled}
          />
        </Field>
      ) : null}
      {fields.includes("effort") && (efforts.length > 0 || value.effort) ? (
        <Field label={labels?.effort ?? t("effort")} error={errorOf?.("effort")}>
          <Select
            value={value.effort ?? NONE}
            onValueChange={(effort) => onChange({ effort: efforts.find((each) => each === effort) ?? null })}
            options={[
              ...(keepsEffort && value.effort
                ? []
                : [{ value: NONE, label: inherited ?? t("effortDefault") }]),
              ...efforts.map((effort) => ({ value: effort, label: t(`efforts.${effort}`) })),
              ...(value.effort && !efforts.includes(value.effort)
                ? [{ value: value.effort, label: t(`efforts.${value.effort}`), hint: t("cannot") }]
                : []),
            ]}
            disabled={disabled}
          />
        </Field>
      ) : null}
    </>
  );
}

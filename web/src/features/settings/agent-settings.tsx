// What runs take unless whoever starts one says otherwise: the agent, what a sandbox may use, what a run may cost.
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { AgentChoices } from "@/features/agents/agent-choices";
import { SavedForm, Section, Theirs } from "@/features/forms/form";
import { useSettingsForm } from "./use-settings-form";

type Limits = Schemas["ProjectLimits"];

/** What is asked for, in the unit people use, with the least and the most there may be. */
const limitFields: { name: keyof Limits; unit: number; least: number; most: number }[] = [
  { name: "memoryMb", unit: 1, least: 256, most: 8192 },
  { name: "cpus", unit: 1, least: 1, most: 8 },
  { name: "diskMb", unit: 1, least: 64, most: 102_400 },
  { name: "processes", unit: 1, least: 64, most: 32_768 },
  { name: "timeoutSeconds", unit: 60, least: 1, most: 240 },
];

export function AgentSettings({ slug }: { slug: string }) {
  const t = useTranslations("agents");
  const { form } = useSettingsForm(slug, [
    "agent",
    "model",
    "effort",
    "limits",
    "runBudgetMicroUsd",
  ] as const);
  const { limits } = form.value;
  return (
    <SavedForm form={form}>
      <Section title={t("title")} why={t("why")}>
        <div className="grid gap-4 sm:grid-cols-3">
          <AgentChoices
            slug={slug}
            value={form.value}
            onChange={({ agent, ...others }) => form.set({ ...others, ...(agent ? { agent } : {}) })}
            errorOf={form.errorOf}
          />
        </div>
        <Theirs form={form} name="agent" />
        <Theirs form={form} name="model" />
        <Theirs form={form} name="effort" />
      </Section>
      <Section title={t("limits")} why={t("limitsWhy")}>
        <div className="grid gap-4 sm:grid-cols-3">
          {limitFields.map(({ name, unit, least, most }) => (
            <Field key={name} label={t(`limit.${name}`)} error={form.errorOf(`limits.${name}`)}>
              <Input
                type="number"
                required
                min={least}
                max={most}
                value={Number.isNaN(limits[name]) ? "" : limits[name] / unit}
                onChange={(event) =>
                  form.set({ limits: { ...limits, [name]: event.target.valueAsNumber * unit } })
                }
              />
            </Field>
          ))}
          <Field label={t("budget")} hint={t("budgetWhy")} error={form.errorOf("runBudgetMicroUsd")}>
            <Input
              type="number"
              required
              min={0.01}
              max={1000}
              step={0.01}
              value={
                Number.isNaN(form.value.runBudgetMicroUsd) ? "" : form.value.runBudgetMicroUsd / 1_000_000
              }
              onChange={(event) =>
                form.set({ runBudgetMicroUsd: Math.round(event.target.valueAsNumber * 1_000_000) })
              }
            />
          </Field>
        </div>
        <Theirs form={form} name="limits" />
        <Theirs form={form} name="runBudgetMicroUsd" />
      </Section>
    </SavedForm>
  );
}

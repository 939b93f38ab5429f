// What agents are told: how to work, about this repository, how to look for issues.
import { useTranslations } from "use-intl";
import { Button } from "@/components/ui/button";
import { Textarea } from "@/components/ui/input";
import { FormField, SavedForm, Section } from "@/features/forms/form";
import type { Form } from "@/features/forms/use-form";
import { useSettingsForm } from "./use-settings-form";

const MOST = 50_000;

type Prompts = { instructions: string; sandboxPrompt: string | null; discoveryPrompt: string | null };

export function Prompts({ slug }: { slug: string }) {
  const t = useTranslations("prompts");
  const { form, settings } = useSettingsForm(slug, [
    "instructions",
    "sandboxPrompt",
    "discoveryPrompt",
  ] as const);
  return (
    <SavedForm form={form}>
      <Section title={t("instructions")} why={t("instructionsWhy")}>
        <FormField form={form} name="instructions" label={t("instructionsFile")}>
          <Textarea
            className="min-h-48 font-mono text-[0.8125rem]"
            maxLength={MOST}
            value={form.value.instructions}
            onChange={(event) => form.set({ instructions: event.target.value })}
          />
        </FormField>
      </Section>
      <Section title={t("sandboxPrompt")} why={t("sandboxPromptWhy")}>
        <OwnOrDefault
          form={form}
          name="sandboxPrompt"
          label={t("sandboxPromptText")}
          normal={settings.defaultSandboxPrompt}
        />
      </Section>
      <Section title={t("discoveryPrompt")} why={t("discoveryPromptWhy")}>
        <OwnOrDefault
          form={form}
          name="discoveryPrompt"
          label={t("discoveryPromptText")}
          normal={settings.defaultDiscoveryPrompt}
        />
      </Section>
    </SavedForm>
  );
}

type OwnOrDefaultProps = {
  form: Form<Prompts>;
  name: "sandboxPrompt" | "discoveryPrompt";
  label: string;
  normal: string;
};

/** A text that has a good default: changing it makes it the project's own, and there is a way back. */
function OwnOrDefault({ form, name, label, normal }: OwnOrDefaultProps) {
  const t = useTranslations("prompts");
  const own = form.value[name] !== null;
  return (
    <div className="grid gap-2">
      <FormField form={form} name={name} label={label} hint={own ? t("own") : t("default")}>
        <Textarea
          className="min-h-40 font-mono text-[0.8125rem]"
          maxLength={MOST}
          value={form.value[name] ?? normal}
          onChange={(event) => {
            const text = event.target.value;
            form.set({ [name]: text === normal ? null : text });
          }}
        />
      </FormField>
      {own ? (
        <div>
          <Button size="small" onClick={() => form.set({ [name]: null })}>
            {t("toDefault")}
          </Button>
        </div>
      ) : null}
    </div>
  );
}

import { useTranslations } from "use-intl";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { SavedForm, Section, Theirs } from "@/features/forms/form";
import { useSettingsForm } from "./use-settings-form";

/** Whose name the commits of runs carry. */
export function GitSettings({ slug }: { slug: string }) {
  const t = useTranslations("git");
  const { form } = useSettingsForm(slug, ["gitAuthor"] as const);
  const author = form.value.gitAuthor;
  return (
    <SavedForm form={form}>
      <Section title={t("author")} why={t("authorWhy")}>
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label={t("name")} error={form.errorOf("gitAuthor.name")}>
            <Input
              required
              maxLength={100}
              value={author.name}
              onChange={(event) => form.set({ gitAuthor: { ...author, name: event.target.value } })}
            />
          </Field>
          <Field label={t("email")} error={form.errorOf("gitAuthor.email")}>
            <Input
              required
              maxLength={254}
              value={author.email}
              onChange={(event) => form.set({ gitAuthor: { ...author, email: event.target.value } })}
            />
          </Field>
        </div>
        <Theirs form={form} name="gitAuthor" />
      </Section>
    </SavedForm>
  );
}

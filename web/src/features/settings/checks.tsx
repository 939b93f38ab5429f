// The commands that the platform itself runs on every change. A run does not pass while a required one fails.
import { ArrowDown, ArrowUp, Plus, Trash2 } from "lucide-react";
import { useRef } from "react";
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Switch } from "@/components/ui/switch";
import { Tooltip } from "@/components/ui/tooltip";
import { SavedForm, Section, Theirs } from "@/features/forms/form";
import { useSettingsForm } from "./use-settings-form";

type Check = Schemas["ProjectCheck"];

const MOST = 20;
const TEN_MINUTES = 600;

export function Checks({ slug }: { slug: string }) {
  const t = useTranslations("checks");
  const { form } = useSettingsForm(slug, ["checks"] as const);
  const list = useRef<HTMLOListElement>(null);
  const { checks } = form.value;
  const set = (next: Check[]) => form.set({ checks: next });
  const change = (index: number, part: Partial<Check>) =>
    set(checks.map((check, at) => (at === index ? { ...check, ...part } : check)));
  const move = (index: number, by: -1 | 1) => {
    const next = [...checks];
    const [moved] = next.splice(index, 1);
    if (moved) {
      next.splice(index + by, 0, moved);
      set(next);
    }
  };
  const add = () => {
    set([...checks, { name: "", command: "", required: true, timeoutSeconds: TEN_MINUTES }]);
    requestAnimationFrame(() =>
      list.current?.querySelector<HTMLInputElement>("li:last-child input")?.focus(),
    );
  };
  return (
    <SavedForm form={form}>
      <Section
        title={t("title")}
        why={t("why")}
        action={
          <Button size="small" onClick={add} disabled={checks.length >= MOST}>
            <Plus aria-hidden />
            {t("add")}
          </Button>
        }
      >
        {checks.length === 0 ? (
          <p className="rounded-md border border-dashed p-4 text-center text-muted-foreground">{t("none")}</p>
        ) : (
          <ol ref={list} className="-mx-4 -mb-4 divide-y border-t">
            {checks.map((check, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a check has nothing but its place until it is saved
              <li key={index} className="grid gap-3 px-4 py-3">
                <div className="grid gap-3 sm:grid-cols-[10rem_1fr]">
                  <Field label={t("name")} error={form.errorOf(`checks.${index}.name`)}>
                    <Input
                      required
                      maxLength={64}
                      placeholder="tests"
                      value={check.name}
                      onChange={(event) => change(index, { name: event.target.value })}
                    />
                  </Field>
                  <Field label={t("command")} error={form.errorOf(`checks.${index}.command`)}>
                    <Input
                      required
                      maxLength={8000}
                      placeholder="npm test"
                      spellCheck={false}
                      className="font-mono text-[0.8125rem]"
                      value={check.command}
                      onChange={(event) => change(index, { command: event.target.value })}
                    />
                  </Field>
                </div>
                <div className="flex flex-wrap items-end gap-x-4 gap-y-2">
                  <Field
                    className="w-32"
                    label={t("timeout")}
                    error={form.errorOf(`checks.${index}.timeoutSeconds`)}
                  >
                    <Input
                      type="number"
                      required
                      min={1}
                      max={14_400}
                      value={Number.isNaN(check.timeoutSeconds) ? "" : (check.timeoutSeconds ?? TEN_MINUTES)}
                      onChange={(event) => change(index, { timeoutSeconds: event.target.valueAsNumber })}
                    />
                  </Field>
                  {/* biome-ignore lint/a11y/noLabelWithoutControl: the switch is the control */}
                  <label className="flex h-8 items-center gap-2">
                    <Switch
                      checked={check.required ?? true}
                      onCheckedChange={(required) => change(index, { required })}
                    />
                    {t("required")}
                  </label>
                  <div className="ml-auto flex gap-1">
                    <RowAction label={t("up")} disabled={index === 0} onClick={() => move(index, -1)}>
                      <ArrowUp aria-hidden />
                    </RowAction>
                    <RowAction
                      label={t("down")}
                      disabled={index === checks.length - 1}
                      onClick={() => move(index, 1)}
                    >
                      <ArrowDown aria-hidden />
                    </RowAction>
                    <RowAction
                      label={t("remove", { name: check.name })}
                      onClick={() => set(checks.filter((_, at) => at !== index))}
                    >
                      <Trash2 aria-hidden />
                    </RowAction>
                  </div>
                </div>
              </li>
            ))}
          </ol>
        )}
        <Theirs form={form} name="checks" />
      </Section>
    </SavedForm>
  );
}

type RowActionProps = { label: string; disabled?: boolean; onClick: () => void; children: React.ReactNode };

function RowAction({ label, disabled, onClick, children }: RowActionProps) {
  return (
    <Tooltip label={label}>
      <Button
        variant="ghost"
        size="icon-small"
        aria-label={label}
        disabled={disabled ?? false}
        onClick={onClick}
      >
        {children}
      </Button>
    </Tooltip>
  );
}

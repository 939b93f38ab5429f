// What can be said of the node that is chosen, and what the server finds wrong with it, at the field that is wrong.
import { useTranslations } from "use-intl";
import { Field } from "@/components/ui/field";
import { Input, Textarea } from "@/components/ui/input";
import { Quoted } from "@/components/ui/quoted";
import { Select } from "@/components/ui/select";
import { AgentChoices } from "@/features/agents/agent-choices";
import { type Address, type Fault, type Loop, roles, type Step, sameAddress } from "./pipeline";
import type { Editor } from "./use-editor";

type InspectorProps = { slug: string; editor: Editor; faults: Fault[] };

export function Inspector({ slug, editor, faults }: InspectorProps) {
  const t = useTranslations("workflow");
  const { at, node } = editor;
  if (!at || !node) {
    return <p className="text-muted-foreground">{t("chooseNode")}</p>;
  }
  const own = faults.filter((fault) => sameAddress(fault.at, at));
  const errorOf = (field: string) => own.find((fault) => fault.field === field)?.message;
  const shown = [
    "role",
    "name",
    "agent",
    "model",
    "effort",
    "instructions",
    "maxIterations",
    "onExhausted",
    "gate",
  ];
  const others = own.filter((fault) => !shown.includes(fault.field));
  return (
    <div className="grid gap-4">
      {others.map((fault) => (
        <p key={fault.field + fault.message} role="alert" className="text-destructive">
          <Quoted text={fault.message} />
        </p>
      ))}
      {node.type === "step" ? (
        <StepForm slug={slug} editor={editor} at={at} node={node} errorOf={errorOf} />
      ) : (
        <LoopForm editor={editor} at={at} node={node} errorOf={errorOf} />
      )}
    </div>
  );
}

type FormProps<T> = { editor: Editor; at: Address; node: T; errorOf: (field: string) => string | undefined };

function StepForm({ slug, editor, at, node, errorOf }: FormProps<Step> & { slug: string }) {
  const t = useTranslations("workflow");
  const set = (change: Partial<Step>) => editor.update(at, change);
  return (
    <>
      <Field label={t("role")} hint={t(`roleWhys.${node.role}`)} error={errorOf("role")}>
        <Select
          value={node.role}
          disabled={editor.fixed}
          onValueChange={(role) => set({ role: roles.find((each) => each === role) ?? "custom" })}
          options={roles.map((role) => ({ value: role, label: t(`roles.${role}`) }))}
        />
      </Field>
      <Field label={t("stepName")} error={errorOf("name")}>
        <Input
          maxLength={100}
          disabled={editor.fixed}
          placeholder={t(`roles.${node.role}`)}
          value={node.name ?? ""}
          onChange={(event) => set({ name: event.target.value })}
        />
      </Field>
      <AgentChoices
        slug={slug}
        value={{ agent: node.agent ?? null, model: node.model ?? null, effort: node.effort ?? null }}
        inherited={t("asTheRun")}
        disabled={editor.fixed}
        errorOf={errorOf}
        onChange={(change) => set(change as Partial<Step>)}
      />
      <Field label={t("instructions")} hint={t("instructionsWhy")} error={errorOf("instructions")}>
        <Textarea
          className="min-h-32"
          maxLength={20_000}
          disabled={editor.fixed}
          value={node.instructions ?? ""}
          onChange={(event) => set({ instructions: event.target.value })}
        />
      </Field>
    </>
  );
}

function LoopForm({ editor, at, node, errorOf }: FormProps<Loop>) {
  const t = useTranslations("workflow");
  const set = (change: Partial<Loop>) => editor.update(at, change);
  return (
    <>
      <Field label={t("maxIterations")} hint={t("maxIterationsWhy")} error={errorOf("maxIterations")}>
        <Input
          type="number"
          min={1}
          max={10}
          disabled={editor.fixed}
          value={node.maxIterations}
          onChange={(event) => set({ maxIterations: event.target.valueAsNumber || 0 })}
        />
      </Field>
      <Field label={t("gate")} hint={t(`gateWhys.${node.gate}`)} error={errorOf("gate")}>
        <Select
          value={node.gate}
          disabled={editor.fixed}
          onValueChange={(gate) => set({ gate: gate === "verdict" ? "verdict" : "checks" })}
          options={(["checks", "verdict"] as const).map((gate) => ({
            value: gate,
            label: t(`gates.${gate}`),
          }))}
        />
      </Field>
      <Field label={t("onExhausted")} error={errorOf("onExhausted")}>
        <Select
          value={node.onExhausted}
          disabled={editor.fixed}
          onValueChange={(then) => set({ onExhausted: then === "continue" ? "continue" : "fail" })}
          options={(["fail", "continue"] as const).map((then) => ({
            value: then,
            label: t(`exhausted.${then}`),
          }))}
        />
      </Field>
    </>
  );
}

// What the forms of the settings share: their frame, the bar that saves, the choice between two people's words.
import { useBlocker } from "@tanstack/react-router";
import { Save, UsersRound } from "lucide-react";
import { cloneElement, type FormEvent, type ReactElement, type ReactNode } from "react";
import { useTranslations } from "use-intl";
import { shown } from "@/commands/keys";
import { useCommands } from "@/commands/registry";
import { Confirm } from "@/components/ui/alert-dialog";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Field } from "@/components/ui/field";
import { Tooltip } from "@/components/ui/tooltip";
import { ErrorAlert } from "@/features/frame/error-screens";
import { cn } from "@/lib/cn";
import type { Fields } from "@/lib/draft";
import type { Form } from "./use-form";

type SectionProps = { title: string; why?: ReactNode; action?: ReactNode; children: ReactNode };

/** A part of the settings with its heading. */
export function Section({ title, why, action, children }: SectionProps) {
  return (
    <Card className="grid grid-cols-[minmax(0,1fr)] gap-4 p-4">
      <div className="grid grid-cols-[minmax(0,1fr)_auto] items-start gap-x-3 gap-y-1">
        <h2 className={cn("font-semibold", action ? "max-sm:self-center" : "col-span-2")}>{title}</h2>
        {action ? <div className="sm:row-span-2">{action}</div> : null}
        {why ? (
          // On a telephone what is done here stands beside the heading alone.
          <p className={cn("text-pretty text-muted-foreground", action ? "max-sm:col-span-2" : "col-span-2")}>
            {why}
          </p>
        ) : null}
      </div>
      {children}
    </Card>
  );
}

type SavedFormProps<T extends Fields> = {
  form: Form<T>;
  className?: string;
  barClassName?: string;
  /** Whether what is not saved stays on this device, so that leaving loses nothing. */
  kept?: boolean;
  children: ReactNode;
};

/** A form with what saves it; leaving it with unsaved changes is asked about first. */
export function SavedForm<T extends Fields>({
  form,
  className,
  barClassName,
  kept,
  children,
}: SavedFormProps<T>) {
  const t = useTranslations("form");
  useCommands(
    form.dirty
      ? [{ id: "save", title: t("save"), group: "here", icon: Save, keys: "mod+s", run: form.save }]
      : [],
  );
  return (
    <form
      className={className ?? "grid gap-4"}
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        form.save();
      }}
    >
      {children}
      <SaveBar form={form} className={barClassName} />
      {kept ? null : <LeaveGuard dirty={form.dirty} />}
    </form>
  );
}

function SaveBar<T extends Fields>({ form, className }: { form: Form<T>; className: string | undefined }) {
  const t = useTranslations("form");
  if (!form.dirty && !form.error) {
    return null;
  }
  return (
    <div
      className={cn("sticky bottom-3 z-10 grid gap-2 rounded-lg border bg-popover p-3 shadow-lg", className)}
    >
      {form.error ? <ErrorAlert error={form.error} /> : null}
      <div className="flex flex-wrap items-center gap-2">
        <p role="status" className="min-w-0 flex-1 text-muted-foreground">
          {form.undecided ? t("decide") : t("unsaved")}
        </p>
        <Button variant="ghost" onClick={form.discard} disabled={form.saving}>
          {t("discard")}
        </Button>
        <Tooltip label={t("save")} keys={shown("mod+s")} side="top">
          <Button type="submit" variant="primary" busy={form.saving} disabled={form.undecided}>
            {t("save")}
          </Button>
        </Tooltip>
      </div>
    </div>
  );
}

/** Asks before changes are lost by going elsewhere. */
export function LeaveGuard({ dirty }: { dirty: boolean }) {
  const t = useTranslations("form");
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => dirty && current.pathname !== next.pathname,
    enableBeforeUnload: dirty,
    withResolver: true,
  });
  return (
    <Confirm
      open={blocker.status === "blocked"}
      onOpenChange={(open) => !open && blocker.reset?.()}
      title={t("leaveTitle")}
      confirmLabel={t("leave")}
      cancelLabel={t("stay")}
      onConfirm={() => blocker.proceed?.()}
    >
      {t("leaveWhy")}
    </Confirm>
  );
}

type FormFieldProps<T extends Fields> = {
  form: Form<T>;
  name: keyof T & string;
  label: string;
  hint?: ReactNode;
  className?: string;
  children: ReactElement<{ id?: string; "aria-describedby"?: string; "aria-invalid"?: boolean }>;
};

/** A field of a form, with what was wrong with it and what somebody else wrote in it. */
export function FormField<T extends Fields>({
  form,
  name,
  label,
  hint,
  className,
  children,
}: FormFieldProps<T>) {
  return (
    <div className={className}>
      <Field label={label} hint={hint} error={form.errorOf(name)}>
        {cloneElement(children)}
      </Field>
      <Theirs form={form} name={name} />
    </div>
  );
}

/** What somebody else saved where something was changed here too, and the choice between both. */
export function Theirs<T extends Fields, K extends keyof T & string>({
  form,
  name,
  show = written,
}: {
  form: Form<T>;
  name: K;
  /** The value as people read it. */
  show?: (value: T[K]) => string;
}) {
  const t = useTranslations("form");
  if (!(name in form.theirs)) {
    return null;
  }
  return (
    <div role="alert" className="mt-2 grid gap-2 rounded-md border border-status-cancelled p-3">
      <p className="flex items-center gap-2 font-medium">
        <UsersRound className="size-4 shrink-0" aria-hidden />
        {t("theirs")}
      </p>
      <pre className="max-h-48 overflow-auto whitespace-pre-wrap rounded-sm bg-muted p-2 font-mono text-[0.8125rem]">
        {show(form.theirs[name] as T[K]) || t("empty")}
      </pre>
      <div className="flex flex-wrap gap-2">
        <Button size="small" onClick={() => form.settle(name, "mine")}>
          {t("keepMine")}
        </Button>
        <Button size="small" onClick={() => form.settle(name, "theirs")}>
          {t("takeTheirs")}
        </Button>
      </div>
    </div>
  );
}

function written(value: unknown): string {
  return typeof value === "string" ? value : value === null ? "" : JSON.stringify(value, null, 2);
}

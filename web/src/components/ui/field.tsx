import { Label as RadixLabel } from "radix-ui";
import { cloneElement, type ReactElement, type ReactNode, useId } from "react";
import { cn } from "@/lib/cn";
import { Quoted } from "./quoted";

type FieldProps = {
  label: string;
  /** Said below the control, for everybody. */
  hint?: ReactNode;
  /** Said below the control instead, when what it holds cannot be taken. */
  error?: string | undefined;
  /** What else on the page is said of the control, by its id. */
  describedBy?: string | undefined;
  className?: string;
  children: ReactElement<{ id?: string; "aria-describedby"?: string; "aria-invalid"?: boolean }>;
};

/** A control with its name and what is to be said of it, tied together for screen readers. */
export function Field({ label, hint, error, describedBy, className, children }: FieldProps) {
  const id = useId();
  const note = `${id}-note`;
  const said = error ?? hint;
  const notes = [said ? note : undefined, describedBy].filter(Boolean).join(" ");
  return (
    <div className={cn("grid content-start gap-1.5", className)}>
      <RadixLabel.Root htmlFor={id} className="font-medium">
        {label}
      </RadixLabel.Root>
      {cloneElement(children, {
        id,
        ...(notes ? { "aria-describedby": notes } : {}),
        ...(error ? { "aria-invalid": true } : {}),
      })}
      {said ? (
        <p
          id={note}
          className={cn("text-[0.8125rem]", error ? "text-destructive" : "text-muted-foreground")}
          role={error ? "alert" : undefined}
        >
          {error === undefined ? hint : <Quoted text={error} />}
        </p>
      ) : null}
    </div>
  );
}

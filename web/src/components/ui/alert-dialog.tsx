import { AlertDialog as RadixAlert } from "radix-ui";
import { type ReactNode, useState } from "react";
import { Button } from "./button";
import { Input } from "./input";
import { Remember, useReturnFocus } from "./return-focus";

type ConfirmProps = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  children: ReactNode;
  confirmLabel: string;
  cancelLabel: string;
  /** Must be typed, when data is destroyed; with the name of the field to type it in. */
  typed?: { text: string; label: string };
  busy?: boolean;
  onConfirm: () => void;
};

/** Asks before something that cannot be undone. */
export function Confirm(props: ConfirmProps) {
  const { open, onOpenChange, title, children, confirmLabel, cancelLabel, typed, busy, onConfirm } = props;
  const [said, setSaid] = useState("");
  const { remember, content } = useReturnFocus();
  const ready = !typed || said === typed.text;
  return (
    <RadixAlert.Root
      open={open}
      onOpenChange={(next) => {
        setSaid("");
        onOpenChange(next);
      }}
    >
      <RadixAlert.Portal>
        <RadixAlert.Overlay className="fixed inset-0 z-40 animate-in bg-black/40 fade-in-0 duration-150" />
        <RadixAlert.Content
          {...content}
          className="fixed top-[18vh] left-1/2 z-50 grid w-[calc(100vw-2rem)] max-w-md -translate-x-1/2 animate-in gap-3 rounded-lg border bg-popover p-5 text-popover-foreground shadow-xl fade-in-0 duration-150"
        >
          <Remember into={remember} />
          <RadixAlert.Title className="font-semibold text-[0.9375rem]">{title}</RadixAlert.Title>
          <RadixAlert.Description asChild>
            <div className="text-muted-foreground">{children}</div>
          </RadixAlert.Description>
          {typed ? (
            <Input
              aria-label={typed.label}
              placeholder={typed.text}
              value={said}
              onChange={(event) => setSaid(event.target.value)}
            />
          ) : null}
          <div className="mt-1 flex justify-end gap-2">
            <RadixAlert.Cancel asChild>
              <Button>{cancelLabel}</Button>
            </RadixAlert.Cancel>
            <Button variant="destructive" disabled={!ready} busy={busy ?? false} onClick={onConfirm}>
              {confirmLabel}
            </Button>
          </div>
        </RadixAlert.Content>
      </RadixAlert.Portal>
    </RadixAlert.Root>
  );
}

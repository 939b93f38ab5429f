import { X } from "lucide-react";
import { Dialog as RadixDialog } from "radix-ui";
import type { ReactNode } from "react";
import { cn } from "@/lib/cn";
import { Button } from "./button";
import { Remember, useReturnFocus } from "./return-focus";

export const Dialog = RadixDialog.Root;
export const DialogTrigger = RadixDialog.Trigger;
export const DialogClose = RadixDialog.Close;

const overlay = "fixed inset-0 z-40 animate-in bg-black/40 fade-in-0 duration-150";

type DialogContentProps = {
  title: string;
  description?: ReactNode;
  /** What the button that closes it is called. */
  closeLabel: string;
  className?: string;
  children: ReactNode;
};

export function DialogContent({ title, description, closeLabel, className, children }: DialogContentProps) {
  const { remember, content } = useReturnFocus();
  return (
    <RadixDialog.Portal>
      <RadixDialog.Overlay className={overlay} />
      <RadixDialog.Content
        {...content}
        {...(description ? {} : { "aria-describedby": undefined })}
        className={cn(
          "fixed top-[12dvh] left-1/2 z-50 grid max-h-[80dvh] w-[calc(100vw-2rem)] max-w-lg -translate-x-1/2 animate-in gap-4 overflow-y-auto rounded-lg border bg-popover p-5 text-popover-foreground shadow-xl fade-in-0 zoom-in-95 duration-150 max-sm:top-[5dvh] max-sm:max-h-[90dvh]",
          className,
        )}
      >
        <Remember into={remember} />
        <div className="grid gap-1 pr-8">
          <RadixDialog.Title className="font-semibold text-[0.9375rem]">{title}</RadixDialog.Title>
          {description ? (
            <RadixDialog.Description className="text-muted-foreground">{description}</RadixDialog.Description>
          ) : null}
        </div>
        {children}
        <RadixDialog.Close asChild>
          <Button
            variant="ghost"
            size="icon-small"
            className="absolute top-3 right-3"
            aria-label={closeLabel}
          >
            <X aria-hidden />
          </Button>
        </RadixDialog.Close>
      </RadixDialog.Content>
    </RadixDialog.Portal>
  );
}

type SheetContentProps = { title: string; side: "left" | "right"; className?: string; children: ReactNode };

/** A dialog that slides in from a side: the sidebar on a phone, an inspector. */
export function SheetContent({ title, side, className, children }: SheetContentProps) {
  const { remember, content } = useReturnFocus();
  return (
    <RadixDialog.Portal>
      <RadixDialog.Overlay className={overlay} />
      <RadixDialog.Content
        {...content}
        aria-describedby={undefined}
        className={cn(
          "fixed inset-y-0 z-50 flex w-72 max-w-[85vw] animate-in flex-col overflow-y-auto border bg-background shadow-xl duration-150",
          side === "left" ? "left-0 slide-in-from-left-8" : "right-0 slide-in-from-right-8",
          className,
        )}
      >
        <Remember into={remember} />
        <RadixDialog.Title className="sr-only">{title}</RadixDialog.Title>
        {children}
      </RadixDialog.Content>
    </RadixDialog.Portal>
  );
}

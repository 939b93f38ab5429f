import { Popover as RadixPopover } from "radix-ui";
import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

export const Popover = RadixPopover.Root;
export const PopoverTrigger = RadixPopover.Trigger;

export function PopoverContent({ className, ...rest }: ComponentProps<typeof RadixPopover.Content>) {
  return (
    <RadixPopover.Portal>
      <RadixPopover.Content
        sideOffset={4}
        collisionPadding={8}
        align="start"
        className={cn(
          "z-50 w-72 animate-in rounded-md border bg-popover p-3 text-popover-foreground shadow-lg fade-in-0 duration-100",
          className,
        )}
        {...rest}
      />
    </RadixPopover.Portal>
  );
}

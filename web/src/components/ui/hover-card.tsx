import { HoverCard as RadixHoverCard } from "radix-ui";
import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

export const HoverCard = RadixHoverCard.Root;
export const HoverCardTrigger = RadixHoverCard.Trigger;

/** More about what the pointer rests on. Never the only place where something is said. */
export function HoverCardContent({ className, ...rest }: ComponentProps<typeof RadixHoverCard.Content>) {
  return (
    <RadixHoverCard.Portal>
      <RadixHoverCard.Content
        sideOffset={6}
        align="start"
        className={cn(
          "z-50 w-72 animate-in rounded-md border bg-popover p-3 text-popover-foreground shadow-lg fade-in-0 duration-100",
          className,
        )}
        {...rest}
      />
    </RadixHoverCard.Portal>
  );
}

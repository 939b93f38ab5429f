import { Tooltip as RadixTooltip } from "radix-ui";
import type { ReactElement, ReactNode } from "react";
import { Kbd } from "./kbd";

export const TooltipProvider = RadixTooltip.Provider;

type TooltipProps = {
  label: ReactNode;
  /** The shortcut that does the same. */
  keys?: string;
  side?: "top" | "right" | "bottom" | "left";
  children: ReactElement;
};

export function Tooltip({ label, keys, side = "bottom", children }: TooltipProps) {
  return (
    <RadixTooltip.Root>
      <RadixTooltip.Trigger asChild>{children}</RadixTooltip.Trigger>
      <RadixTooltip.Portal>
        <RadixTooltip.Content
          side={side}
          sideOffset={6}
          className="z-50 flex max-w-72 animate-in items-center gap-2 rounded-md border bg-popover px-2 py-1 text-popover-foreground text-xs shadow-md fade-in-0 duration-100"
        >
          {label}
          {keys ? <Kbd keys={keys} /> : null}
        </RadixTooltip.Content>
      </RadixTooltip.Portal>
    </RadixTooltip.Root>
  );
}

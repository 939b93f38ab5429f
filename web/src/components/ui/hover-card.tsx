import { HoverCard as RadixHoverCard } from "radix-ui";
import { type ComponentProps, type FocusEvent, useEffect, useRef, useState } from "react";
import { cn } from "@/lib/cn";

export const HoverCard = RadixHoverCard.Root;
export const HoverCardTrigger = RadixHoverCard.Trigger;

/** How long the pointer or the keyboard rests on something before there is more about it. */
const RESTING = 400;

/**
 * For a card about a row of a list: it also opens where the keyboard rests on the row or on anything in it, so that it
 * needs no stop of its own. `card` goes onto the card, `row` onto the row.
 */
export function useRowCard() {
  const [open, setOpen] = useState(false);
  const resting = useRef<ReturnType<typeof setTimeout>>(undefined);
  const become = (next: boolean) => {
    clearTimeout(resting.current);
    setOpen(next);
  };
  useEffect(() => () => clearTimeout(resting.current), []);
  return {
    card: { open, onOpenChange: become, openDelay: RESTING },
    row: {
      // Menus and dialogs of the row tell it of their focus, too, but are not in it.
      onFocus: ({ currentTarget: row, target, relatedTarget: before }: FocusEvent<HTMLElement>) => {
        if (row.contains(target) && !row.contains(before) && target.matches(":focus-visible")) {
          clearTimeout(resting.current);
          resting.current = setTimeout(() => setOpen(true), RESTING);
        }
      },
      onBlur: ({ currentTarget: row, relatedTarget: next }: FocusEvent<HTMLElement>) => {
        if (!row.contains(next)) {
          become(false);
        }
      },
    },
  };
}

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

import { Popover as RadixPopover } from "radix-ui";
import { type KeyboardEvent, useId, useState } from "react";
import { cn } from "@/lib/cn";
import { Input } from "./input";

type ComboboxProps = {
  value: string;
  /** Told with every letter, and with the whole of what is chosen. */
  onValueChange: (value: string) => void;
  /** What fits what was written so far. Something else may be written, too. */
  options: readonly string[];
  /** What the list is called. */
  listLabel: string;
  placeholder?: string;
  maxLength?: number;
  disabled?: boolean;
  /** Set by `Field`. */
  id?: string;
  "aria-describedby"?: string;
  "aria-invalid"?: boolean;
};

/** A field that helps with what is written in it: arrow keys choose, Enter takes, Escape leaves it as it is. */
export function Combobox({ value, onValueChange, options, listLabel, ...rest }: ComboboxProps) {
  const list = useId();
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const shown = open && options.length > 0;
  const take = (option: string) => {
    onValueChange(option);
    setOpen(false);
    setAt(-1);
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setOpen(true);
      const by = event.key === "ArrowDown" ? 1 : -1;
      setAt((at + by + options.length + (at < 0 && by < 0 ? 1 : 0)) % Math.max(1, options.length));
    } else if (event.key === "Enter" && shown && at >= 0 && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      take(options[at] ?? value);
    } else if (event.key === "Escape" && shown) {
      // Only the list closes, not the dialog around it.
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
    }
  };
  return (
    <RadixPopover.Root open={shown} onOpenChange={setOpen}>
      <RadixPopover.Anchor asChild>
        <Input
          {...rest}
          role="combobox"
          aria-expanded={shown}
          aria-controls={list}
          aria-autocomplete="list"
          aria-activedescendant={shown && at >= 0 ? `${list}-${at}` : undefined}
          autoComplete="off"
          spellCheck={false}
          value={value}
          onChange={(event) => {
            onValueChange(event.target.value);
            setOpen(true);
            setAt(-1);
          }}
          onClick={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={pressed}
        />
      </RadixPopover.Anchor>
      <RadixPopover.Portal>
        <RadixPopover.Content
          asChild
          align="start"
          sideOffset={4}
          onOpenAutoFocus={(event) => event.preventDefault()}
          onCloseAutoFocus={(event) => event.preventDefault()}
        >
          <div
            id={list}
            role="listbox"
            aria-label={listLabel}
            className="z-50 max-h-64 w-[var(--radix-popover-trigger-width)] overflow-y-auto rounded-md border bg-popover p-1 text-popover-foreground shadow-lg"
          >
            {options.map((option, index) => (
              <div
                key={option}
                id={`${list}-${index}`}
                role="option"
                tabIndex={-1}
                aria-selected={index === at}
                // Before the field loses the keyboard.
                onPointerDown={(event) => {
                  event.preventDefault();
                  take(option);
                }}
                onPointerMove={() => setAt(index)}
                className={cn(
                  "min-h-7 cursor-default truncate rounded-sm px-2 py-1",
                  index === at && "bg-accent",
                )}
                title={option}
              >
                {option}
              </div>
            ))}
          </div>
        </RadixPopover.Content>
      </RadixPopover.Portal>
    </RadixPopover.Root>
  );
}

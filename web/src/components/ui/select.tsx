import { Check, ChevronDown } from "lucide-react";
import { Select as RadixSelect } from "radix-ui";
import { cn } from "@/lib/cn";
import { fieldClasses } from "./input";

export type SelectOption = { value: string; label: string; hint?: string };

type SelectProps = {
  value: string;
  onValueChange: (value: string) => void;
  options: SelectOption[];
  /** Set by `Field`. */
  id?: string;
  "aria-describedby"?: string;
  "aria-label"?: string;
  disabled?: boolean;
  /** It edits the row that it is in: the key `e` opens it. */
  "data-edits"?: boolean;
  className?: string;
};

export function Select({ value, onValueChange, options, disabled, className, ...rest }: SelectProps) {
  return (
    <RadixSelect.Root value={value} onValueChange={onValueChange} {...(disabled ? { disabled } : {})}>
      <RadixSelect.Trigger
        className={cn(fieldClasses, "flex h-8 items-center justify-between gap-2 text-left", className)}
        {...rest}
      >
        <RadixSelect.Value />
        <RadixSelect.Icon>
          <ChevronDown className="size-4 text-muted-foreground" aria-hidden />
        </RadixSelect.Icon>
      </RadixSelect.Trigger>
      <RadixSelect.Portal>
        <RadixSelect.Content
          position="popper"
          sideOffset={4}
          className="z-50 max-h-[min(24rem,var(--radix-select-content-available-height))] min-w-[var(--radix-select-trigger-width)] animate-in overflow-hidden rounded-md border bg-popover text-popover-foreground shadow-lg fade-in-0 duration-100"
        >
          <RadixSelect.Viewport className="p-1">
            {options.map((option) => (
              <RadixSelect.Item
                key={option.value}
                value={option.value}
                className="relative flex min-h-7 select-none items-center gap-2 rounded-sm py-1 pr-8 pl-2 outline-none data-[highlighted]:bg-accent"
              >
                <RadixSelect.ItemText>{option.label}</RadixSelect.ItemText>
                {option.hint ? <span className="text-muted-foreground text-xs">{option.hint}</span> : null}
                <RadixSelect.ItemIndicator className="absolute right-2">
                  <Check className="size-4" aria-hidden />
                </RadixSelect.ItemIndicator>
              </RadixSelect.Item>
            ))}
          </RadixSelect.Viewport>
        </RadixSelect.Content>
      </RadixSelect.Portal>
    </RadixSelect.Root>
  );
}

import { Check } from "lucide-react";
import { DropdownMenu, Slot } from "radix-ui";
import type { ComponentProps, ReactNode } from "react";
import { cn } from "@/lib/cn";
import { Kbd } from "./kbd";

/** The page around an open menu stays in reach: what is hidden from readers of the screen must not have the focus in it. */
export function Menu(props: Omit<ComponentProps<typeof DropdownMenu.Root>, "modal">) {
  return <DropdownMenu.Root modal={false} {...props} />;
}

export const MenuTrigger = DropdownMenu.Trigger;
export const MenuSub = DropdownMenu.Sub;

const surface =
  "z-50 max-h-[min(28rem,80vh)] min-w-48 animate-in overflow-y-auto rounded-md border bg-popover p-1 text-popover-foreground shadow-lg fade-in-0 duration-100";
const item =
  "relative flex min-h-7 select-none items-center gap-2 rounded-sm px-2 py-1 outline-none data-[disabled]:opacity-50 data-[highlighted]:bg-accent [&_svg]:size-4 [&_svg]:shrink-0 [&_svg]:text-muted-foreground";

export function MenuContent({ className, ...rest }: ComponentProps<typeof DropdownMenu.Content>) {
  return (
    <DropdownMenu.Portal>
      <DropdownMenu.Content sideOffset={4} align="start" className={cn(surface, className)} {...rest} />
    </DropdownMenu.Portal>
  );
}

type MenuItemProps = ComponentProps<typeof DropdownMenu.Item> & {
  keys?: string | undefined;
  destructive?: boolean;
};

export function MenuItem({ className, keys, destructive, children, ...rest }: MenuItemProps) {
  return (
    <DropdownMenu.Item
      className={cn(item, destructive && "text-destructive [&_svg]:text-destructive", className)}
      {...rest}
    >
      {/* With `asChild` this is what becomes the item, and the rest goes into it. */}
      <Slot.Slottable>{children}</Slot.Slottable>
      {keys ? <Kbd keys={keys} className="ml-auto pl-4" /> : null}
    </DropdownMenu.Item>
  );
}

export function MenuChoice({ className, children, ...rest }: ComponentProps<typeof DropdownMenu.RadioItem>) {
  return (
    <DropdownMenu.RadioItem className={cn(item, "pr-8", className)} {...rest}>
      {children}
      <DropdownMenu.ItemIndicator className="absolute right-2">
        <Check aria-hidden />
      </DropdownMenu.ItemIndicator>
    </DropdownMenu.RadioItem>
  );
}

export const MenuChoices = DropdownMenu.RadioGroup;

export function MenuLabel({ children }: { children: ReactNode }) {
  return (
    <DropdownMenu.Label className="px-2 py-1 font-medium text-muted-foreground text-xs">
      {children}
    </DropdownMenu.Label>
  );
}

export function MenuSeparator() {
  return <DropdownMenu.Separator className="-mx-1 my-1 h-px bg-border" />;
}

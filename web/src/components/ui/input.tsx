import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

export const fieldClasses =
  "w-full min-w-0 rounded-md border border-input bg-background px-2.5 text-foreground transition-colors placeholder:text-muted-foreground disabled:opacity-60 aria-invalid:border-destructive";

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input className={cn(fieldClasses, "h-8", className)} {...rest} />;
}

export function Textarea({ className, ...rest }: ComponentProps<"textarea">) {
  return <textarea className={cn(fieldClasses, "min-h-20 resize-y py-1.5 leading-5", className)} {...rest} />;
}

import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

export function Badge({ className, ...rest }: ComponentProps<"span">) {
  return (
    <span
      className={cn(
        "inline-flex items-center gap-1 whitespace-nowrap rounded-sm border bg-surface px-1.5 text-xs leading-5 text-muted-foreground",
        className,
      )}
      {...rest}
    />
  );
}

import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

/** Stands where something will be, in its shape. Shown after a moment only: what comes at once should not flash. */
export function Skeleton({ className, ...rest }: ComponentProps<"div">) {
  return (
    <div
      aria-hidden
      data-skeleton
      className={cn(
        "animate-in fade-in-0 fill-mode-both rounded-md bg-muted delay-200 duration-150",
        className,
      )}
      {...rest}
    />
  );
}

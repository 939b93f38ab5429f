import { cn } from "@/lib/cn";

/** Keys to press, one after the other when there are several words. Who has only a finger has none. */
export function Kbd({ keys, className }: { keys: string; className?: string }) {
  return (
    <span className={cn("inline-flex gap-0.5 pointer-coarse:hidden", className)} aria-hidden>
      {keys.split(" ").map((key) => (
        <kbd
          key={key}
          className="min-w-5 rounded-sm border bg-surface px-1 text-center font-sans text-[0.6875rem] text-muted-foreground leading-[1.125rem]"
        >
          {key}
        </kbd>
      ))}
    </span>
  );
}

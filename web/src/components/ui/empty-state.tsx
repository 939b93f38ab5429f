import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

type EmptyStateProps = {
  icon: LucideIcon;
  title: string;
  /** Where it is all there is on the page, its title is the page's. */
  heading?: "h1" | "h2";
  children?: ReactNode;
  action?: ReactNode;
};

/** What stands where a list would be: why there is nothing, and the one thing to do about it. */
export function EmptyState({
  icon: Icon,
  title,
  heading: Heading = "h2",
  children,
  action,
}: EmptyStateProps) {
  return (
    <div className="mx-auto flex max-w-md flex-col items-center gap-2 px-4 py-16 text-center">
      <div className="grid size-10 place-items-center rounded-lg border bg-surface text-muted-foreground">
        <Icon className="size-5" aria-hidden />
      </div>
      <Heading className="font-semibold text-[0.9375rem]">{title}</Heading>
      {children ? <div className="text-balance text-muted-foreground">{children}</div> : null}
      {action ? <div className="mt-2 flex flex-wrap justify-center gap-2">{action}</div> : null}
    </div>
  );
}

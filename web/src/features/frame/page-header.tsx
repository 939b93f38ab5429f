import type { ReactNode } from "react";

/** The top of a screen: its one heading, and what is done most often there. */
export function PageHeader({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <header className="flex min-h-12 shrink-0 flex-wrap items-center justify-between gap-2 border-b px-4 py-2">
      <h1 className="font-semibold text-[0.9375rem]">{title}</h1>
      {children ? <div className="flex items-center gap-2">{children}</div> : null}
    </header>
  );
}

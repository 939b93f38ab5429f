import type { ReactNode } from "react";

/** The frame of what one sees before one is signed in. */
export function AccessFrame({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="grid min-h-dvh place-items-center bg-surface p-4">
      <div className="grid w-full max-w-sm gap-5 rounded-lg border bg-card p-6 shadow-sm">
        <div className="flex items-center gap-2">
          <img src="/favicon.svg" alt="" className="size-6" />
          <span className="font-semibold">CodeCourier</span>
        </div>
        <h1 className="font-semibold text-lg">{title}</h1>
        {children}
      </div>
    </main>
  );
}

// What stands where a screen will be, once one has waited for it a moment.
import { useContext } from "react";
import { useTranslations } from "use-intl";
import { Skeleton } from "@/components/ui/skeleton";
import { InFrame } from "./error-screens";

/** Where a screen will be inside of the frame. Outside of it a screen is small, and nothing stands in for it. */
export function PendingScreen() {
  return useContext(InFrame) ? <Bones /> : null;
}

/** Where the frame will be, and a screen in it. */
export function PendingFrame() {
  return (
    <div className="flex h-dvh flex-col md:flex-row">
      <div className="hidden w-56 shrink-0 border-r bg-surface md:block" />
      <div className="h-11 shrink-0 border-b bg-surface md:hidden" />
      <main className="min-w-0 flex-1">
        <Bones />
      </main>
    </div>
  );
}

function Bones() {
  const t = useTranslations("frame");
  return (
    <div aria-busy>
      <p role="status" className="sr-only">
        {t("loading")}
      </p>
      <div className="flex h-12 items-center border-b px-4">
        <Skeleton className="h-4 w-40" />
      </div>
      <div className="grid gap-4 p-4">
        {[72, 60, 66, 48, 56].map((width) => (
          <Skeleton key={width} className="h-4" style={{ width: `${width}%` }} />
        ))}
      </div>
    </div>
  );
}

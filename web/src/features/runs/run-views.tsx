// A page about what happens: what it consists of at its side, and the views of it beside, one at a time.
import { type ReactNode, Suspense } from "react";
import { useCommands } from "@/commands/registry";
import { Skeleton } from "@/components/ui/skeleton";
import { Tabs, TabsContent, TabsList, TabsTrigger } from "@/components/ui/tabs";
import { cn } from "@/lib/cn";

type View<Tab extends string> = { id: Tab; title: string; content: ReactNode };

type RunViewsProps<Tab extends string> = {
  aside: ReactNode;
  /** What is at the side, where nothing of it takes the focus: it can be scrolled by keyboard then. */
  asideLabel?: string;
  asideClassName?: string;
  /** What the views are of. */
  label: string;
  /** In their order; the keys 1, 2, 3 … lead to them. */
  views: readonly View<Tab>[];
  tab: Tab;
  onTab: (tab: Tab) => void;
};

export function RunViews<Tab extends string>({
  aside,
  asideLabel,
  asideClassName,
  label,
  views,
  tab,
  onTab,
}: RunViewsProps<Tab>) {
  useCommands(
    views.map(({ id, title }, index) => ({
      id: `tab-${id}`,
      title,
      group: "here",
      keys: String(index + 1),
      run: () => onTab(id),
    })),
  );
  return (
    <div className="flex min-h-0 flex-1 max-lg:flex-col">
      <div
        {...(asideLabel ? { role: "region", "aria-label": asideLabel, tabIndex: 0 } : {})}
        className={cn(
          "w-80 shrink-0 overflow-y-auto border-r focus-visible:-outline-offset-2 max-lg:max-h-[45dvh] max-lg:w-full max-lg:border-r-0 max-lg:border-b",
          asideClassName,
        )}
      >
        {aside}
      </div>
      {/* Below each other the page scrolls, and the view has a height of its own: a list without one is drawn whole. */}
      <Tabs
        value={tab}
        onValueChange={(value) => {
          const view = views.find(({ id }) => id === value);
          if (view) {
            onTab(view.id);
          }
        }}
        className="flex min-h-0 min-w-0 flex-1 flex-col max-lg:h-[max(85dvh,26rem)] max-lg:flex-none"
      >
        <TabsList aria-label={label}>
          {views.map(({ id, title }) => (
            <TabsTrigger key={id} value={id}>
              {title}
            </TabsTrigger>
          ))}
        </TabsList>
        {views.map(({ id, content }) => (
          <TabsContent key={id} value={id} className="flex min-h-0 flex-1 flex-col outline-none">
            <Suspense fallback={<Waiting />}>{content}</Suspense>
          </TabsContent>
        ))}
      </Tabs>
    </div>
  );
}

function Waiting() {
  return (
    <div className="grid gap-3 p-4">
      <Skeleton className="h-5 w-2/3" />
      <Skeleton className="h-5 w-1/2" />
      <Skeleton className="h-24 w-full" />
    </div>
  );
}

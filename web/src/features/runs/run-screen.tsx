import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useTranslations } from "use-intl";
import { runQuery } from "@/api/queries";
import { useCommands } from "@/commands/registry";
import { Skeleton } from "@/components/ui/skeleton";
import { Tabs, TabsContent, TabsList, TabsTrigger } from "@/components/ui/tabs";
import { useRunEvents } from "@/live/run-events";
import { RunHeader } from "./run-header";
import { Steps } from "./steps";

const Transcript = lazy(() => import("./transcript").then(({ Transcript }) => ({ default: Transcript })));
const Diff = lazy(() => import("./diff").then(({ Diff }) => ({ default: Diff })));
const RawEvents = lazy(() => import("./raw-events").then(({ RawEvents }) => ({ default: RawEvents })));

const tabs = ["transcript", "diff", "raw"] as const;
export type RunSearch = {
  tab?: (typeof tabs)[number] | undefined;
  step?: string | undefined;
  event?: number | undefined;
};

export function RunScreen({ slug, run: id, search }: { slug: string; run: string; search: RunSearch }) {
  const t = useTranslations("run");
  const navigate = useNavigate();
  const run = useQuery(runQuery(slug, id)).data;
  const events = useRunEvents(slug, id);
  const tab = search.tab ?? "transcript";
  const go = (change: RunSearch) =>
    void navigate({
      to: "/p/$slug/runs/$run",
      params: { slug, run: id },
      search: { ...search, ...change },
      replace: true,
    });
  useCommands(
    tabs.map((each, index) => ({
      id: `tab-${each}`,
      title: t(`tabs.${each}`),
      group: "here",
      keys: String(index + 1),
      run: () => go({ tab: each }),
    })),
  );
  if (!run) {
    return null;
  }
  return (
    <div className="flex min-h-0 flex-1 flex-col max-lg:min-h-min">
      <RunHeader slug={slug} run={run} notice={events.notice} />
      <div className="flex min-h-0 flex-1 max-lg:flex-col">
        <Steps
          run={run}
          selected={search.step}
          onSelect={(step) => go({ step: step === search.step ? undefined : step, tab: "transcript" })}
        />
        <Tabs
          value={tab}
          onValueChange={(value) => go({ tab: tabs.find((each) => each === value) })}
          className="flex min-h-0 min-w-0 flex-1 flex-col max-lg:min-h-[80dvh]"
        >
          <TabsList aria-label={t("views")}>
            {tabs.map((each) => (
              <TabsTrigger key={each} value={each}>
                {t(`tabs.${each}`)}
              </TabsTrigger>
            ))}
          </TabsList>
          <Suspense fallback={<Waiting />}>
            <TabsContent value="transcript" className="flex min-h-0 flex-1 flex-col outline-none">
              <Transcript run={run} events={events} step={search.step} event={search.event} />
            </TabsContent>
            <TabsContent value="diff" className="min-h-0 flex-1 overflow-y-auto outline-none">
              <Diff slug={slug} run={run} />
            </TabsContent>
            <TabsContent value="raw" className="flex min-h-0 flex-1 flex-col outline-none">
              <RawEvents events={events} step={search.step} />
            </TabsContent>
          </Suspense>
        </Tabs>
      </div>
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

import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useTranslations } from "use-intl";
import { runQuery } from "@/api/queries";
import { useCommands } from "@/commands/registry";
import { Skeleton } from "@/components/ui/skeleton";
import { Tabs, TabsContent, TabsList, TabsTrigger } from "@/components/ui/tabs";
import { useTitle } from "@/lib/use-title";
import { useRunEventStore } from "@/live/run-events";
import { listeningStep } from "./listening";
import { RunHeader } from "./run-header";
import { Steps } from "./steps";
import { Transcript } from "./transcript";

const Review = lazy(() => import("./review/review").then(({ Review }) => ({ default: Review })));
const Composer = lazy(() => import("./composer").then(({ Composer }) => ({ default: Composer })));
const Inspector = lazy(() => import("./inspector").then(({ Inspector }) => ({ default: Inspector })));
const RawEvents = lazy(() => import("./raw-events").then(({ RawEvents }) => ({ default: RawEvents })));

const tabs = ["transcript", "diff", "raw"] as const;
export type RunSearch = {
  tab?: (typeof tabs)[number] | undefined;
  step?: string | undefined;
  event?: number | undefined;
};

export function RunScreen({ slug, run: id, search }: { slug: string; run: string; search: RunSearch }) {
  const t = useTranslations("run");
  const words = useTranslations("status");
  const navigate = useNavigate();
  const run = useQuery(runQuery(slug, id)).data;
  const events = useRunEventStore(slug, id);
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
  useTitle(run ? `${words(run.status)} · ${run.promptPreview}` : "CodeCourier");
  if (!run) {
    return null;
  }
  const selected = run.steps.find((step) => step.id === search.step);
  const listening = listeningStep(selected ? [selected] : run.steps);
  return (
    <div className="flex min-h-0 flex-1 flex-col max-lg:min-h-min">
      <RunHeader slug={slug} run={run} events={events} />
      <div className="flex min-h-0 flex-1 max-lg:flex-col">
        <div className="w-80 shrink-0 overflow-y-auto border-r max-lg:max-h-[45dvh] max-lg:w-full max-lg:border-r-0 max-lg:border-b 2xl:w-96">
          <Steps
            run={run}
            selected={search.step}
            onSelect={(step) => go({ step: step === search.step ? undefined : step })}
          />
          {selected ? (
            <Suspense>
              <Inspector
                key={selected.id}
                slug={slug}
                step={selected}
                onClose={() => go({ step: undefined })}
                onDiff={() => go({ tab: "diff" })}
              />
            </Suspense>
          ) : null}
        </div>
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
              {listening ? (
                <Suspense>
                  <Composer key={listening.id} slug={slug} run={id} step={listening} />
                </Suspense>
              ) : null}
            </TabsContent>
            <TabsContent value="diff" className="flex min-h-0 flex-1 flex-col outline-none">
              <Review slug={slug} run={run} step={search.step} onStep={(step) => go({ step })} />
            </TabsContent>
            <TabsContent value="raw" className="flex min-h-0 flex-1 flex-col outline-none">
              <RawEvents events={events} step={search.step} event={search.event} />
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

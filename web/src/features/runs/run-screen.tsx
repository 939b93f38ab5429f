import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useTranslations } from "use-intl";
import { runQuery } from "@/api/queries";
import { useCommands } from "@/commands/registry";
import { useKept } from "@/lib/kept";
import { useTitle } from "@/lib/use-title";
import { useRunEventStore } from "@/live/run-events";
import { listeningStep } from "./listening";
import { RunHeader } from "./run-header";
import { RunViews } from "./run-views";
import { Steps } from "./steps";
import { Transcript } from "./transcript";

const Review = lazy(() => import("./review/review").then(({ Review }) => ({ default: Review })));
const Composer = lazy(() => import("./composer").then(({ Composer }) => ({ default: Composer })));
const Inspector = lazy(() => import("./inspector").then(({ Inspector }) => ({ default: Inspector })));
const RawEvents = lazy(() => import("./raw-events").then(({ RawEvents }) => ({ default: RawEvents })));

export type RunSearch = {
  tab?: "transcript" | "diff" | "raw" | undefined;
  step?: string | undefined;
  event?: number | undefined;
};

export function RunScreen({ slug, run: id, search }: { slug: string; run: string; search: RunSearch }) {
  const t = useTranslations("run");
  const words = useTranslations("status");
  const navigate = useNavigate();
  const run = useQuery(runQuery(slug, id)).data;
  const events = useRunEventStore(slug, id);
  const go = (change: RunSearch) =>
    void navigate({
      to: "/p/$slug/runs/$run",
      params: { slug, run: id },
      search: { ...search, ...change },
      replace: true,
    });
  const [wrap, setWrap] = useKept("output.wrap", ["on", "off"], "on");
  const wrapping = wrap === "on";
  useCommands([
    {
      id: "wrap",
      title: t(wrapping ? "wrapOff" : "wrapOn"),
      group: "here",
      keys: "w",
      run: () => setWrap(wrapping ? "off" : "on"),
    },
  ]);
  useTitle(run ? `${words(run.status)} · ${run.promptPreview}` : "CodeCourier");
  if (!run) {
    return null;
  }
  const selected = run.steps.find((step) => step.id === search.step);
  const listening = listeningStep(selected ? [selected] : run.steps);
  return (
    <div data-wrap={wrap} className="flex min-h-0 flex-1 flex-col max-lg:min-h-min">
      <RunHeader slug={slug} run={run} events={events} />
      <RunViews
        aside={
          <>
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
          </>
        }
        asideClassName="2xl:w-96"
        label={t("views")}
        tab={search.tab ?? "transcript"}
        onTab={(tab) => go({ tab })}
        views={[
          {
            id: "transcript",
            title: t("tabs.transcript"),
            content: (
              <>
                <Transcript run={run} events={events} step={search.step} event={search.event} />
                {listening ? (
                  <Suspense>
                    <Composer key={listening.id} slug={slug} run={id} step={listening} />
                  </Suspense>
                ) : null}
              </>
            ),
          },
          {
            id: "diff",
            title: t("tabs.diff"),
            content: <Review slug={slug} run={run} step={search.step} onStep={(step) => go({ step })} />,
          },
          {
            id: "raw",
            title: t("tabs.raw"),
            content: (
              <RawEvents slug={slug} run={id} events={events} step={search.step} event={search.event} />
            ),
          },
        ]}
      />
    </div>
  );
}

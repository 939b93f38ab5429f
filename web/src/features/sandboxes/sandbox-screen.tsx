// One sandbox: what it went through, what it uses, what its agent does, and its end.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { ChevronRight, ShieldAlert, ShieldCheck } from "lucide-react";
import { lazy, Suspense } from "react";
import { useTranslations } from "use-intl";
import { isApiError, type Schemas } from "@/api/client";
import { runQuery, sandboxQuery } from "@/api/queries";
import { listeningStep } from "@/features/runs/listening";
import { Ago } from "@/features/runs/moments";
import { Phases } from "@/features/runs/phases";
import { RunViews } from "@/features/runs/run-views";
import { laneName, shortId } from "@/lib/format";
import { useRunEventStore } from "@/live/run-events";
import { KillSandbox } from "./kill-sandbox";
import { PauseSandbox } from "./pause-sandbox";
import { Resources } from "./resources";
import { SandboxStatus } from "./status";

const Composer = lazy(() =>
  import("@/features/runs/composer").then(({ Composer }) => ({ default: Composer })),
);
const Transcript = lazy(() =>
  import("@/features/runs/transcript").then(({ Transcript }) => ({ default: Transcript })),
);

const SandboxTerminal = lazy(() =>
  import("./sandbox-terminal").then(({ SandboxTerminal }) => ({ default: SandboxTerminal })),
);
const Files = lazy(() => import("./files/files").then(({ Files }) => ({ default: Files })));

export type SandboxSearch = {
  tab?: "transcript" | "terminal" | "files" | undefined;
  /** The folder that is shown, and the file that is read in it. */
  folder?: string | undefined;
  file?: string | undefined;
};

type SandboxScreenProps = { slug: string; sandbox: string; search: SandboxSearch };

export function SandboxScreen({ slug, sandbox: id, search }: SandboxScreenProps) {
  const t = useTranslations("sandboxes");
  const words = useTranslations("run");
  const read = useQuery(sandboxQuery(slug, id));
  const sandbox = read.data;
  // What was said in it is still there to be read, from its run.
  const ended = isApiError(read.error, "NOT_FOUND");
  const run = useQuery({ ...runQuery(slug, sandbox?.runId ?? ""), enabled: sandbox !== undefined }).data;
  if (!sandbox || !run) {
    return null;
  }
  const step = run.steps.find((each) => each.id === sandbox.stepId);
  return (
    <div className="flex min-h-0 flex-1 flex-col max-lg:min-h-min">
      <header className="grid shrink-0 gap-1.5 border-b px-4 py-2.5">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <nav aria-label={words("path")} className="flex items-center gap-1 text-muted-foreground">
            <Link to="/p/$slug/sandboxes" params={{ slug }} className="hover:text-foreground">
              {t("title")}
            </Link>
            <ChevronRight className="size-3.5" aria-hidden />
          </nav>
          <h1 className="-ml-2 font-semibold text-[0.9375rem]">
            <code>{shortId(sandbox.id)}</code>
          </h1>
          <SandboxStatus status={ended ? "killed" : sandbox.status} />
          <span className="text-[0.8125rem] text-muted-foreground">
            <Ago at={sandbox.createdAt} />
          </span>
          {ended ? null : (
            <div className="ml-auto flex gap-2">
              <PauseSandbox slug={slug} sandbox={sandbox} />
              <KillSandbox slug={slug} sandbox={sandbox} keys="shift+k" />
            </div>
          )}
        </div>
        <Link
          to="/p/$slug/runs/$run"
          params={{ slug, run: run.id }}
          search={{ step: sandbox.stepId }}
          className="w-fit max-w-full truncate text-primary underline-offset-4 hover:underline"
        >
          {laneName(sandbox.lane)}: {run.promptPreview}
        </Link>
        {ended ? (
          <p role="status" className="text-muted-foreground">
            {t("ended")}
          </p>
        ) : null}
      </header>
      <Inside slug={slug} sandbox={sandbox} ended={ended} run={run} step={step} search={search} />
    </div>
  );
}

type InsideProps = {
  slug: string;
  sandbox: Schemas["Sandbox"];
  ended: boolean;
  run: Schemas["RunDetail"];
  step: Schemas["StepView"] | undefined;
  search: SandboxSearch;
};

function Inside({ slug, sandbox, ended, run, step, search }: InsideProps) {
  const t = useTranslations("sandboxes");
  const navigate = useNavigate();
  const events = useRunEventStore(slug, run.id);
  const listening = listeningStep(step ? [step] : []);
  const go = (change: SandboxSearch, replace: boolean) =>
    void navigate({
      to: "/p/$slug/sandboxes/$sandbox",
      params: { slug, sandbox: sandbox.id },
      search: { ...search, ...change },
      replace,
    });
  return (
    <RunViews
      aside={
        <>
          {ended ? null : <Resources slug={slug} sandbox={sandbox} />}
          <Isolation isolation={sandbox.isolation} />
          {step ? <Phases step={step} /> : null}
        </>
      }
      asideLabel={t("about")}
      asideClassName="grid content-start gap-4 p-4"
      label={t("views")}
      tab={search.tab ?? "transcript"}
      onTab={(tab) => go({ tab }, true)}
      views={[
        {
          id: "transcript",
          title: t("tabs.transcript"),
          content: (
            <>
              <Transcript run={run} events={events} step={sandbox.stepId} event={undefined} />
              {listening ? (
                <Suspense>
                  <Composer key={listening.id} slug={slug} run={run.id} step={listening} />
                </Suspense>
              ) : null}
            </>
          ),
        },
        {
          id: "terminal",
          title: t("tabs.terminal"),
          content: <SandboxTerminal events={events} step={sandbox.stepId} alive={!ended} />,
        },
        {
          id: "files",
          title: t("tabs.files"),
          content: (
            <Files
              slug={slug}
              sandbox={sandbox}
              ended={ended}
              events={events}
              place={search}
              onGo={(place) => go(place, false)}
            />
          ),
        },
      ]}
    />
  );
}

function Isolation({ isolation }: { isolation: Schemas["Sandbox"]["isolation"] }) {
  const t = useTranslations("sandboxes");
  if (!isolation) {
    return null;
  }
  const degraded = isolation.degraded ?? [];
  const Icon = degraded.length > 0 ? ShieldAlert : ShieldCheck;
  return (
    <section aria-label={t("isolation")} className="grid gap-1 text-[0.8125rem]">
      <h2 className="flex items-center gap-1.5 font-medium">
        <Icon
          className={degraded.length > 0 ? "size-4 text-status-cancelled" : "size-4 text-status-completed"}
          aria-hidden
        />
        {t("isolationTier", { tier: isolation.tier })}
      </h2>
      <p className="text-muted-foreground">{isolation.protectsFrom}</p>
      {degraded.map((lack) => (
        <p key={lack} className="text-status-cancelled">
          {lack}
        </p>
      ))}
    </section>
  );
}

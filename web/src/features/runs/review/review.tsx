// The change of a run, read and commented on.
import { useQueries, useQuery } from "@tanstack/react-query";
import { Columns2, FileDiff as FileIcon, Files, Pilcrow, Rows2, Send } from "lucide-react";
import { lazy, type ReactNode, Suspense, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { accountQuery, fileDiffQuery, runDiffQuery } from "@/api/queries";
import { useCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { Select } from "@/components/ui/select";
import { Skeleton } from "@/components/ui/skeleton";
import { Tooltip } from "@/components/ui/tooltip";
import { ErrorText } from "@/features/frame/error-screens";
import { useKept } from "@/lib/kept";
import { isUnderWay } from "../status";
import { ChangedFiles } from "./changed-files";
import { filesOf, fileTree } from "./file-tree";
import { GetChanges } from "./get-changes";
import { tellHighlighter } from "./highlight";
import { ReviewList, type ReviewListHandle } from "./review-list";
import { Counts } from "./review-row";
import { fingerprint, lineCount, reviewRows, saysSomething } from "./review-rows";
import { reviewStore, useNotes } from "./review-store";
import { type FileDiff, readUnifiedDiff } from "./unified-diff";

const SendReview = lazy(() => import("./send-review").then(({ SendReview }) => ({ default: SendReview })));

/** Above this many lines a file is folded at first. */
const LARGE = 800;

type ReviewProps = {
  slug: string;
  run: Schemas["RunDetail"];
  step: string | undefined;
  onStep: (step: string | undefined) => void;
};

export function Review({ slug, run, step, onStep }: ReviewProps) {
  const t = useTranslations("review");
  const one = run.steps.find((each) => each.id === step);
  const at = one ? one.commit : run.tipCommit;
  const ended = !isUnderWay(run.status);
  const diff = useQuery(runDiffQuery(slug, run.id, step, at));
  const chooser = (
    <Select
      aria-label={t("which")}
      className="h-7 w-auto max-w-56"
      value={step ?? "all"}
      onValueChange={(value) => onStep(value === "all" ? undefined : value)}
      options={[
        { value: "all", label: t("all") },
        ...run.steps
          .filter((each) => each.commit || each.id === step)
          .map((each) => ({
            value: each.id,
            label: t("ofStep", { role: each.role, iteration: each.iteration }),
          })),
      ]}
    />
  );
  if (diff.data && diff.data.files.length > 0) {
    return (
      <Change key={step ?? ""} slug={slug} run={run} step={step} at={at} diff={diff.data} chooser={chooser} />
    );
  }
  return (
    <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
      <div className="flex border-b px-3 py-1.5">{chooser}</div>
      {diff.isPending ? <Skeleton className="m-4 h-40" /> : null}
      {diff.isError ? (
        <div role="alert" className="p-4 text-muted-foreground">
          <ErrorText error={diff.error} />
        </div>
      ) : null}
      {diff.isSuccess ? (
        <EmptyState
          icon={FileIcon}
          title={one ? t("noneOfStep") : ended ? t("noneOfRun") : t("none")}
          action={one ? <Button onClick={() => onStep(undefined)}>{t("all")}</Button> : null}
        >
          {one || ended ? null : t("noneWhy")}
        </EmptyState>
      ) : null}
    </div>
  );
}

type ChangeProps = Omit<ReviewProps, "onStep"> & {
  at: string | null;
  diff: Schemas["RunDiff"];
  chooser: ReactNode;
};

function Change({ slug, run, step, at, diff, chooser }: ChangeProps) {
  const t = useTranslations("review");
  const account = useQuery(accountQuery).data?.id ?? "";
  const store = reviewStore(account, run.id);
  const notes = useNotes(store);
  const scope = step ?? "";
  const { files, load } = useFiles(slug, run.id, step, at, diff);
  const [view, setView] = useKept("review.view", ["unified", "split"], "unified");
  const [blanks, setBlanks] = useKept("review.blanks", ["shown", "ignored"], "shown");
  const wide = useWide();
  const shownAs = wide ? view : "unified";
  const [opened, setOpened] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [sending, setSending] = useState(false);
  const list = useRef<ReviewListHandle>(null);
  const isViewed = (file: FileDiff) => notes.viewed[file.path] === fingerprint(file);
  const comments = useMemo(
    () => notes.comments.filter((comment) => comment.scope === scope),
    [notes.comments, scope],
  );
  // What was seen already is folded when one comes back, and stays as it is while one reads.
  const [seenBefore] = useState(notes.viewed);
  const rows = useMemo(
    () =>
      reviewRows({
        files,
        view: shownAs,
        isOpen: (file) =>
          opened.get(file.path) ?? (lineCount(file) <= LARGE && seenBefore[file.path] !== fingerprint(file)),
        comments,
        ignoreBlanks: blanks === "ignored",
      }),
    [files, shownAs, opened, comments, blanks, seenBefore],
  );
  const open = (path: string, is: boolean) => setOpened(new Map(opened).set(path, is));
  const viewed = files.filter(isViewed).length;
  const goBy = (by: number) => {
    const at = files.findIndex((file) => file.path === list.current?.currentPath());
    const next = files[Math.min(files.length - 1, Math.max(0, at + by))];
    if (next) {
      list.current?.goTo(next.path);
    }
  };
  const markCurrent = () => {
    const file = files.find((each) => each.path === list.current?.currentPath());
    if (file) {
      const is = !isViewed(file);
      store.mark(file.path, is ? fingerprint(file) : undefined);
      open(file.path, !is);
    }
  };
  // One that was begun and left empty says nothing, and is not sent.
  const said = notes.comments.filter(saysSomething).length;
  const send = () => setSending(true);
  useCommands([
    { id: "next-file", title: t("nextFile"), group: "here", keys: "]", run: () => goBy(1) },
    { id: "previous-file", title: t("previousFile"), group: "here", keys: "[", run: () => goBy(-1) },
    { id: "mark-viewed", title: t("markViewed"), group: "here", keys: "v", run: markCurrent },
    {
      id: "view",
      title: t(view === "split" ? "unified" : "split"),
      group: "here",
      keys: "s",
      run: () => setView(view === "split" ? "unified" : "split"),
    },
    {
      id: "blanks",
      title: t(blanks === "shown" ? "ignoreBlanks" : "showBlanks"),
      group: "here",
      keys: "w",
      run: () => setBlanks(blanks === "shown" ? "ignored" : "shown"),
    },
    { id: "send-review", title: t("send"), group: "here", icon: Send, keys: "shift+s", run: send },
  ]);
  const tree = (
    <ChangedFiles
      files={files.map((file) => {
        const counts = diff.files.find((each) => each.path === file.path);
        return {
          path: file.path,
          additions: counts?.additions ?? null,
          deletions: counts?.deletions ?? null,
          viewed: isViewed(file),
          comments: comments.filter((comment) => comment.path === file.path && saysSomething(comment)).length,
        };
      })}
      onGo={(path) => list.current?.goTo(path)}
    />
  );
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-2 border-b px-3 py-1.5">
        {chooser}
        <Popover>
          <PopoverTrigger asChild>
            <Button size="small" variant="ghost" className="xl:hidden">
              <Files aria-hidden />
              {t("files", { count: diff.files.length })}
            </Button>
          </PopoverTrigger>
          <PopoverContent className="max-h-[60vh] w-80 max-w-[calc(100vw-2rem)] overflow-y-auto p-0">
            {tree}
          </PopoverContent>
        </Popover>
        <span className="tabular text-[0.8125rem] max-xl:hidden">
          {t("files", { count: diff.files.length })}
        </span>
        <Counts additions={diff.additions} deletions={diff.deletions} />
        <span className="tabular text-[0.8125rem] text-muted-foreground">
          {t("viewedOf", { viewed, total: files.length })}
        </span>
        <div className="ml-auto flex flex-wrap items-center gap-2">
          <Tooltip label={t(view === "split" ? "unified" : "split")} keys="s">
            <Button
              size="icon-small"
              variant="ghost"
              className="max-lg:hidden"
              aria-label={t(view === "split" ? "unified" : "split")}
              onClick={() => setView(view === "split" ? "unified" : "split")}
            >
              {view === "split" ? <Rows2 aria-hidden /> : <Columns2 aria-hidden />}
            </Button>
          </Tooltip>
          <Tooltip label={t(blanks === "shown" ? "ignoreBlanks" : "showBlanks")} keys="w">
            <Button
              size="icon-small"
              variant="ghost"
              aria-pressed={blanks === "ignored"}
              aria-label={t("ignoreBlanks")}
              className={blanks === "ignored" ? "bg-accent text-foreground" : undefined}
              onClick={() => setBlanks(blanks === "shown" ? "ignored" : "shown")}
            >
              <Pilcrow aria-hidden />
            </Button>
          </Tooltip>
          <GetChanges slug={slug} run={run} step={step} />
          <Button size="small" variant={said > 0 ? "primary" : "secondary"} onClick={send}>
            <Send aria-hidden />
            {said > 0 ? t("sendCount", { count: said }) : t("send")}
          </Button>
        </div>
      </div>
      {diff.truncated ? <p className="border-b px-3 py-1.5 text-status-cancelled">{t("truncated")}</p> : null}
      <div className="flex min-h-0 flex-1">
        <div className="w-60 shrink-0 border-r max-xl:hidden">{tree}</div>
        <ReviewList
          ref={list}
          rows={rows}
          diff={diff}
          scope={scope}
          store={store}
          notes={notes}
          onOpen={open}
          onLoad={load}
        />
      </div>
      <Suspense>
        {sending ? (
          <SendReview
            slug={slug}
            run={run}
            store={store}
            comments={notes.comments}
            open={sending}
            onOpenChange={setSending}
          />
        ) : null}
      </Suspense>
    </div>
  );
}

/** The files in the order of the tree; those whose text was cut are read one by one when somebody asks for them. */
function useFiles(
  slug: string,
  run: string,
  step: string | undefined,
  at: string | null,
  diff: Schemas["RunDiff"],
): { files: readonly FileDiff[]; load: (path: string) => void } {
  const [wanted, setWanted] = useState<readonly string[]>([]);
  const whole = useQueries({
    queries: wanted.map((path) => fileDiffQuery(slug, run, step, at, path)),
    combine: (results) => results.map((result) => result.data),
  });
  const read = useMemo(() => readUnifiedDiff(diff.unified), [diff.unified]);
  const files = useMemo(() => {
    const last = read.at(-1);
    const known = new Map(read.map((file) => [file.path, file]));
    if (diff.truncated && last) {
      known.set(last.path, { ...last, partial: true });
    }
    for (const { path } of diff.files) {
      if (!known.has(path)) {
        known.set(path, { path, hunks: [], binary: false, partial: diff.truncated });
      }
    }
    for (const [index, path] of wanted.entries()) {
      const answer = whole[index];
      const [file] = readUnifiedDiff(answer?.unified ?? "");
      if (file && answer) {
        known.set(path, answer.truncated ? { ...file, partial: true } : file);
      }
    }
    const files = filesOf(fileTree([...known.values()]));
    tellHighlighter(files);
    return files;
  }, [read, diff, wanted, whole]);
  const load = (path: string) => setWanted(wanted.includes(path) ? wanted : [...wanted, path]);
  return { files, load };
}

const wideEnough = typeof matchMedia === "undefined" ? undefined : matchMedia("(min-width: 64rem)");

/** Whether two columns of code fit. */
function useWide(): boolean {
  return useSyncExternalStore(
    (listener) => {
      wideEnough?.addEventListener("change", listener);
      return () => wideEnough?.removeEventListener("change", listener);
    },
    () => wideEnough?.matches ?? true,
  );
}

import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import {
  Bot,
  Braces,
  Brain,
  ChevronRight,
  Circle,
  CircleAlert,
  CircleCheck,
  CircleDot,
  CircleX,
  FilePen,
  GitCommitHorizontal,
  Globe,
  Info,
  Link2,
  LoaderCircle,
  MessageSquareText,
  Scale,
  TriangleAlert,
  UserRound,
} from "lucide-react";
import { memo, type ReactNode, useState } from "react";
import { toast } from "sonner";
import { useFormatter, useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { membersQuery } from "@/api/queries";
import { Quoted } from "@/components/ui/quoted";
import { cn } from "@/lib/cn";
import { copy } from "@/lib/copy";
import { duration } from "@/lib/format";
import { Markdown } from "./markdown";
import { givenPictures, picturesAt } from "./pictures/named";
import { Thumbnails } from "./pictures/thumbnail";
import { Terminal } from "./terminal";
import type { Finding, PlanEntry, Row } from "./transcript-rows";

type TranscriptRowProps = {
  row: Row;
  /** The pictures of the run. */
  images: readonly Schemas["RunImage"][];
  marked: boolean;
  /** The time of each row is shown. */
  times: boolean;
  /** What a row that begins a step calls it. */
  label: string | undefined;
};

export const TranscriptRow = memo(function TranscriptRow({
  row,
  images,
  marked,
  times,
  label,
}: TranscriptRowProps) {
  return (
    <div
      className={cn(
        "group relative flex gap-2 px-4 py-1.5",
        marked && "bg-primary/10",
        row.parent && "ml-6 border-l pl-3",
      )}
    >
      {times && row.at ? <Moment at={row.at} /> : null}
      <div className="min-w-0 flex-1">
        <Content row={row} images={images} label={label} />
      </div>
      {Number.isFinite(row.seq) && row.at ? <RowLinks seq={row.seq} /> : null}
    </div>
  );
});

function Moment({ at }: { at: string }) {
  const format = useFormatter();
  return (
    <time dateTime={at} className="w-16 shrink-0 text-right text-muted-foreground text-xs leading-6">
      {format.dateTime(new Date(at), { timeStyle: "medium" })}
    </time>
  );
}

function Content({ row, images, label }: Pick<TranscriptRowProps, "row" | "images" | "label">) {
  const t = useTranslations("transcript");
  switch (row.kind) {
    case "text":
      return <Markdown text={row.text} />;
    case "thinking":
      return (
        <Folded
          icon={<Brain className="size-4" aria-hidden />}
          title={t("thinking")}
          hint={firstLine(row.text)}
          open={row.partial}
        >
          <p className="whitespace-pre-wrap text-muted-foreground">{row.text}</p>
        </Folded>
      );
    case "prompt":
      return (
        <>
          <Folded
            icon={<MessageSquareText className="size-4" aria-hidden />}
            title={t("prompt")}
            hint={firstLine(row.text)}
          >
            <p className="whitespace-pre-wrap">{row.text}</p>
          </Folded>
          <Pictures images={images} numbers={row.pictures} />
        </>
      );
    case "message":
      return (
        <section className="rounded-md border-l-2 border-l-primary bg-surface p-3">
          <p className="flex items-center gap-2 font-medium">
            <UserRound className="size-4 shrink-0" aria-hidden />
            <Who by={row.by} />
          </p>
          <p className="whitespace-pre-wrap break-words">{row.text}</p>
        </section>
      );
    case "deed":
      return (
        <p className="flex items-center gap-2 text-muted-foreground text-xs">
          <UserRound className="size-4 shrink-0" aria-hidden />
          <span>{t.rich(`deeds.${row.deed}`, { who: () => <Who by={row.by} />, model: row.model })}</span>
        </p>
      );
    case "step":
      return (
        <p className="flex items-center gap-2 pt-2 font-semibold text-[0.8125rem]">
          {label}
          <span className="h-px flex-1 bg-border" aria-hidden />
        </p>
      );
    case "tool":
      return (
        <>
          <Tool row={row} />
          <Pictures images={images} numbers={row.pictures} />
          <Given images={images} row={row} />
        </>
      );
    case "file":
      return <FileRow row={row} />;
    case "plan":
      return <Plan entries={row.entries} />;
    case "permission":
      return (
        <Folded
          icon={
            row.answer === undefined ? (
              <LoaderCircle className="size-4 animate-spin text-status-running" aria-label={t("working")} />
            ) : (
              <Outcome good={row.answer === "allowed"} />
            )
          }
          title={t(row.answer === "refused" ? "refused" : "asked", { tool: row.tool })}
          hint={row.subject}
          mono
        >
          {row.input === undefined ? null : <Arguments input={row.input} />}
        </Folded>
      );
    case "collected":
      return (
        <p className="flex flex-wrap items-center gap-x-2 text-[0.8125rem]">
          <GitCommitHorizontal className="size-4 text-muted-foreground" aria-hidden />
          {t("collected", { commits: row.commits, files: row.files })}
          <span className="tabular text-xs">
            <span className="text-status-completed">+{row.insertions}</span>{" "}
            <span className="text-status-failed">−{row.deletions}</span>
          </span>
        </p>
      );
    case "session":
      return (
        <p className="flex items-center gap-2 text-muted-foreground text-xs">
          <Bot className="size-4 shrink-0" aria-hidden />
          {t("session", { model: row.model, version: row.version })}
        </p>
      );
    case "model":
      return (
        <p className="flex items-center gap-2 text-muted-foreground text-xs">
          <Bot className="size-4 shrink-0" aria-hidden />
          {t("model", { model: row.model })}
        </p>
      );
    case "connection":
      return (
        <p className="flex items-center gap-2 text-muted-foreground text-xs">
          {row.outcome === "allowed" ? (
            <Globe className="size-4 shrink-0" aria-hidden />
          ) : (
            <TriangleAlert className="size-4 shrink-0 text-status-paused" aria-hidden />
          )}
          <span className="min-w-0 break-words">{t(`connections.${row.outcome}`, { to: row.to })}</span>
        </p>
      );
    case "phase":
      return (
        <p className="flex items-center gap-2 text-muted-foreground text-xs">
          <span className="h-px w-6 bg-border" aria-hidden />
          {row.phase}
          {row.durationMs === undefined ? null : <span className="tabular">{duration(row.durationMs)}</span>}
          {row.state === "failed" ? <span className="text-status-failed">{t("failed")}</span> : null}
          {row.detail ? <span className="truncate">{row.detail}</span> : null}
          <span className="h-px flex-1 bg-border" aria-hidden />
        </p>
      );
    case "verdict": {
      const passed = row.verdict === "pass";
      return (
        <section
          className={cn(
            "rounded-md border-l-2 bg-surface p-3",
            passed ? "border-l-status-completed" : "border-l-status-failed",
          )}
        >
          <p
            className={cn(
              "flex items-center gap-2 font-medium",
              passed ? "text-status-completed" : "text-status-failed",
            )}
          >
            <Scale className="size-4" aria-hidden />
            {t(passed ? "pass" : "fail")}
          </p>
          {row.feedback ? <Markdown text={row.feedback} /> : null}
          <Findings findings={row.findings} />
        </section>
      );
    }
    case "check":
      return (
        <Folded
          icon={<Outcome good={row.passed} />}
          title={row.name}
          hint={t(row.passed ? "checkPassed" : row.required ? "checkFailed" : "checkAdvised")}
          open={!row.passed}
        >
          <Terminal text={row.output} />
        </Folded>
      );
    case "failure":
      return (
        <p className="flex items-start gap-2 text-status-failed">
          <CircleAlert className="mt-0.5 size-4 shrink-0" aria-hidden />
          <span>
            <Quoted text={row.message} /> <code className="text-xs">{row.code}</code>
          </span>
        </p>
      );
    case "notice":
      if (row.lines > 1) {
        return (
          <Folded
            icon={<TriangleAlert className="size-4 text-muted-foreground" aria-hidden />}
            title={t("output", { count: row.lines })}
            hint={firstLine(row.text)}
            mono
          >
            <Terminal text={row.text} />
          </Folded>
        );
      }
      return (
        <p
          className={cn(
            "flex items-start gap-2",
            row.tone === "error" ? "text-status-failed" : "text-muted-foreground",
          )}
        >
          {row.tone === "info" ? (
            <Info className="mt-0.5 size-4 shrink-0" aria-hidden />
          ) : (
            <TriangleAlert className="mt-0.5 size-4 shrink-0" aria-hidden />
          )}
          <span className="line-clamp-4 whitespace-pre-wrap">{row.text}</span>
        </p>
      );
  }
}

type PicturesProps = { images: readonly Schemas["RunImage"][]; numbers: readonly number[] };

function Pictures({ images, numbers }: PicturesProps) {
  const { slug = "" } = useParams({ strict: false });
  const shown = picturesAt(images, numbers);
  return shown.length > 0 ? (
    <Thumbnails slug={slug} images={shown} count={images.length} className="mt-1 ml-5.5" />
  ) : null;
}

/** The pictures that a tool gave. */
function Given({ images, row }: { images: PicturesProps["images"]; row: Extract<Row, { kind: "tool" }> }) {
  const { slug = "" } = useParams({ strict: false });
  const given = givenPictures(row.result?.images ?? [], picturesAt(images, row.pictures));
  return given.length > 0 ? (
    <Thumbnails slug={slug} images={given} count={given.length} tool={row.name} className="mt-1 ml-5.5" />
  ) : null;
}

/** Somebody by name; who has left, or is no person, by what is known of them. */
function Who({ by }: { by: string }) {
  const t = useTranslations("transcript");
  const { slug = "" } = useParams({ strict: false });
  const name = useQuery(membersQuery(slug)).data?.find((member) => member.user === by)?.name;
  return name ?? t(by.startsWith("key_") ? "who.key" : by === "operator" ? "who.operator" : "who.person");
}

/** What a checker found, each thing with its place. */
export function Findings({ findings }: { findings: readonly Finding[] }) {
  if (findings.length === 0) {
    return null;
  }
  return (
    <ul className="mt-1 grid gap-1">
      {findings.map((finding) => (
        <li key={`${finding.file}:${finding.line}:${finding.message}`} className="flex flex-wrap gap-x-2">
          {finding.severity ? (
            <span className="text-muted-foreground text-xs leading-5">{finding.severity}</span>
          ) : null}
          {finding.file ? (
            <code className="break-all text-xs leading-5">
              {finding.file}
              {finding.line === undefined ? "" : `:${finding.line}`}
            </code>
          ) : null}
          <span>{finding.message}</span>
        </li>
      ))}
    </ul>
  );
}

const marks = { completed: CircleCheck, in_progress: CircleDot } as const;

function Plan({ entries }: { entries: readonly PlanEntry[] }) {
  const t = useTranslations("transcript");
  return (
    <section aria-label={t("plan")} className="rounded-md border bg-surface px-3 py-2">
      <ul className="grid gap-1">
        {entries.map((entry, index) => {
          const status =
            entry.status === "completed" || entry.status === "in_progress" ? entry.status : "pending";
          const Mark = status === "pending" ? Circle : marks[status];
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: the entries of a plan do not move
            <li key={index} className="flex items-start gap-2">
              <Mark
                aria-label={t(`planStatus.${status}`)}
                className={cn(
                  "mt-0.5 size-4 shrink-0 text-muted-foreground",
                  status === "completed" && "text-status-completed",
                  status === "in_progress" && "text-status-running",
                )}
              />
              <span className={cn(status === "completed" && "text-muted-foreground")}>{entry.text}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function FileRow({ row }: { row: Extract<Row, { kind: "file" }> }) {
  const t = useTranslations("transcript");
  const change = row.change === "added" || row.change === "deleted" ? row.change : "modified";
  return (
    <Folded
      icon={<FilePen className="size-4 text-muted-foreground" aria-hidden />}
      title={t(`file.${change}`)}
      hint={row.path}
      mono
    >
      {row.diff ? (
        <pre
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keyboard
          tabIndex={0}
          className="max-h-96 overflow-auto whitespace-pre-wrap rounded-md border font-mono text-xs leading-5"
        >
          {row.diff.split("\n").map((line, index) => (
            <span
              // biome-ignore lint/suspicious/noArrayIndexKey: lines of a text
              key={index}
              className={cn(
                "block min-h-5 px-2",
                line.startsWith("+") && "bg-added",
                line.startsWith("-") && "bg-removed",
              )}
            >
              {line}
            </span>
          ))}
        </pre>
      ) : null}
    </Folded>
  );
}

function Tool({ row }: { row: Extract<Row, { kind: "tool" }> }) {
  const t = useTranslations("transcript");
  const icon =
    row.result === undefined ? (
      <LoaderCircle className="size-4 animate-spin text-status-running" aria-label={t("working")} />
    ) : (
      <Outcome good={row.result.succeeded} />
    );
  return (
    <Folded icon={icon} title={row.name} hint={row.subject} mono>
      {row.input === undefined ? null : <Arguments input={row.input} />}
      {row.result?.output ? <Terminal text={row.result.output} /> : null}
      {row.result?.truncated ? <p className="text-muted-foreground text-xs">{t("truncated")}</p> : null}
    </Folded>
  );
}

function Arguments({ input }: { input: unknown }) {
  const entries =
    typeof input === "object" && input !== null ? Object.entries(input) : [["", input] as const];
  return (
    <dl className="grid gap-1">
      {entries.map(([name, value]) => (
        <div key={name} className="grid gap-0.5">
          <dt className="text-muted-foreground text-xs">{name}</dt>
          <dd>
            <pre className="max-h-80 overflow-auto whitespace-pre-wrap rounded-md bg-muted px-2 py-1 font-mono text-xs">
              {typeof value === "string" ? value : JSON.stringify(value, null, 2)}
            </pre>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Outcome({ good }: { good: boolean }) {
  const t = useTranslations("transcript");
  return good ? (
    <CircleCheck className="size-4 shrink-0 text-status-completed" aria-label={t("succeeded")} />
  ) : (
    <CircleX className="size-4 shrink-0 text-status-failed" aria-label={t("failed")} />
  );
}

type FoldedProps = {
  icon: ReactNode;
  title: string;
  hint: string;
  open?: boolean;
  mono?: boolean;
  children: ReactNode;
};

function Folded({ icon, title, hint, open: first = false, mono, children }: FoldedProps) {
  const [open, setOpen] = useState(first);
  return (
    <div>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="flex min-h-6 w-full min-w-0 items-center gap-2 rounded-sm text-left [&>svg]:shrink-0"
      >
        <ChevronRight
          className={cn("size-3.5 shrink-0 text-muted-foreground transition-transform", open && "rotate-90")}
          aria-hidden
        />
        {icon}
        <span className="max-w-[70%] shrink-0 truncate font-medium">{title}</span>
        <span className={cn("truncate text-muted-foreground", mono && "font-mono text-xs")}>{hint}</span>
      </button>
      {open ? <div className="mt-1 ml-5.5 grid gap-2 pb-1">{children}</div> : null}
    </div>
  );
}

/** A link to the event, and the event as it was recorded. */
function RowLinks({ seq }: { seq: number }) {
  const t = useTranslations("transcript");
  const navigate = useNavigate();
  const classes =
    "grid size-6 place-items-center rounded-sm bg-background text-muted-foreground hover:text-foreground";
  const go = (change: object) =>
    navigate({ to: ".", search: (search: object) => ({ ...search, ...change }), replace: true });
  return (
    <div className="absolute top-1 right-2 flex opacity-0 focus-within:opacity-100 group-hover:opacity-100">
      <button
        type="button"
        aria-label={t("raw")}
        onClick={() => void go({ event: seq, tab: "raw" })}
        className={classes}
      >
        <Braces className="size-3.5" aria-hidden />
      </button>
      <button
        type="button"
        aria-label={t("link")}
        onClick={() => {
          void go({ event: seq })
            .then(() => copy(location.href))
            .then(() => toast(t("linkCopied")));
        }}
        className={classes}
      >
        <Link2 className="size-3.5" aria-hidden />
      </button>
    </div>
  );
}

function firstLine(text: string): string {
  return text.trimStart().split("\n", 1)[0] ?? "";
}

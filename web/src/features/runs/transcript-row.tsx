import { useNavigate } from "@tanstack/react-router";
import {
  Brain,
  ChevronRight,
  CircleAlert,
  CircleCheck,
  CircleX,
  Info,
  Link2,
  LoaderCircle,
  MessageSquareText,
  Scale,
  TriangleAlert,
} from "lucide-react";
import { memo, type ReactNode, useState } from "react";
import { useTranslations } from "use-intl";
import { cn } from "@/lib/cn";
import { duration } from "@/lib/format";
import { Markdown } from "./markdown";
import { Terminal } from "./terminal";
import type { Row } from "./transcript-rows";

export const TranscriptRow = memo(function TranscriptRow({ row, marked }: { row: Row; marked: boolean }) {
  return (
    <div className={cn("group relative px-4 py-1.5", marked && "bg-primary/10")}>
      <Content row={row} />
      {Number.isFinite(row.seq) && row.at ? <Permalink seq={row.seq} /> : null}
    </div>
  );
});

function Content({ row }: { row: Row }) {
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
        <Folded
          icon={<MessageSquareText className="size-4" aria-hidden />}
          title={t("prompt")}
          hint={firstLine(row.text)}
        >
          <p className="whitespace-pre-wrap">{row.text}</p>
        </Folded>
      );
    case "tool":
      return <Tool row={row} />;
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
          {row.findings.length > 0 ? (
            <ul className="mt-1 grid gap-1">
              {row.findings.map((finding) => (
                <li
                  key={`${finding.file}:${finding.line}:${finding.message}`}
                  className="flex flex-wrap gap-x-2"
                >
                  {finding.file ? (
                    <code className="text-xs">
                      {finding.file}
                      {finding.line === undefined ? "" : `:${finding.line}`}
                    </code>
                  ) : null}
                  <span>{finding.message}</span>
                </li>
              ))}
            </ul>
          ) : null}
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
            {row.message} <code className="text-xs">{row.code}</code>
          </span>
        </p>
      );
    case "notice":
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
    <CircleCheck className="size-4 text-status-completed" aria-label={t("succeeded")} />
  ) : (
    <CircleX className="size-4 text-status-failed" aria-label={t("failed")} />
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
        className="flex min-h-6 w-full min-w-0 items-center gap-2 rounded-sm text-left"
      >
        <ChevronRight
          className={cn("size-3.5 shrink-0 text-muted-foreground transition-transform", open && "rotate-90")}
          aria-hidden
        />
        {icon}
        <span className="shrink-0 font-medium">{title}</span>
        <span className={cn("truncate text-muted-foreground", mono && "font-mono text-xs")}>{hint}</span>
      </button>
      {open ? <div className="mt-1 ml-5.5 grid gap-2 pb-1">{children}</div> : null}
    </div>
  );
}

function Permalink({ seq }: { seq: number }) {
  const t = useTranslations("transcript");
  const navigate = useNavigate();
  return (
    <button
      type="button"
      aria-label={t("link")}
      onClick={() => {
        void navigate({
          to: ".",
          search: (search: object) => ({ ...search, event: seq }),
          replace: true,
        }).then(() => navigator.clipboard.writeText(location.href));
      }}
      className="absolute top-1 right-2 hidden size-6 place-items-center rounded-sm bg-background text-muted-foreground hover:text-foreground focus-visible:grid group-hover:grid"
    >
      <Link2 className="size-3.5" aria-hidden />
    </button>
  );
}

function firstLine(text: string): string {
  return text.trimStart().split("\n", 1)[0] ?? "";
}

import { useQuery } from "@tanstack/react-query";
import { ChevronRight, Download, FileDiff as FileIcon } from "lucide-react";
import { memo, useId, useMemo, useState } from "react";
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { runDiffQuery } from "@/api/queries";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Skeleton } from "@/components/ui/skeleton";
import { Checkbox } from "@/components/ui/switch";
import { ErrorText } from "@/features/frame/error-screens";
import { cn } from "@/lib/cn";
import { type FileDiff, readUnifiedDiff } from "./unified-diff";

/** Above this many lines a file is folded at first. */
const LARGE = 800;

export function Diff({ slug, run }: { slug: string; run: Schemas["RunDetail"] }) {
  const t = useTranslations("diff");
  const diff = useQuery(runDiffQuery(slug, run.id, run.tipCommit));
  const files = useMemo(() => readUnifiedDiff(diff.data?.unified ?? ""), [diff.data]);
  const [viewed, setViewed] = useState<ReadonlySet<string>>(new Set());
  if (diff.isPending) {
    return <Skeleton className="m-4 h-40" />;
  }
  if (diff.isError) {
    return (
      <div className="p-4 text-muted-foreground">
        <ErrorText error={diff.error} />
      </div>
    );
  }
  if (files.length === 0) {
    return (
      <EmptyState icon={FileIcon} title={t("none")}>
        {t("noneWhy")}
      </EmptyState>
    );
  }
  const mark = (path: string, is: boolean) => {
    const next = new Set(viewed);
    is ? next.add(path) : next.delete(path);
    setViewed(next);
  };
  return (
    <div className="grid gap-3 p-3">
      <div className="flex flex-wrap items-center gap-3">
        <span className="tabular">
          {t("files", { count: diff.data.files.length })}{" "}
          <span className="text-status-completed">+{diff.data.additions}</span>{" "}
          <span className="text-status-failed">−{diff.data.deletions}</span>
        </span>
        <span className="tabular text-muted-foreground">
          {t("viewedOf", { viewed: viewed.size, total: files.length })}
        </span>
        <Button asChild size="small" className="ml-auto">
          <a href={`/api/v1/projects/${slug}/runs/${run.id}/patch`} download={`${run.id}.patch`}>
            <Download aria-hidden />
            {t("patch")}
          </a>
        </Button>
      </div>
      {diff.data.truncated ? <p className="text-status-cancelled">{t("truncated")}</p> : null}
      {files.map((file) => (
        <FileSection
          key={file.path}
          file={file}
          counts={diff.data.files.find((each) => each.path === file.path)}
          viewed={viewed.has(file.path)}
          onViewed={(is) => mark(file.path, is)}
        />
      ))}
    </div>
  );
}

type FileSectionProps = {
  file: FileDiff;
  counts: Schemas["DiffFile"] | undefined;
  viewed: boolean;
  onViewed: (viewed: boolean) => void;
};

function FileSection({ file, counts, viewed, onViewed }: FileSectionProps) {
  const t = useTranslations("diff");
  const id = useId();
  const lines = file.hunks.reduce((sum, hunk) => sum + hunk.lines.length, 0);
  const [open, setOpen] = useState(lines <= LARGE);
  return (
    <section aria-label={file.path} className="rounded-md border">
      <header className="sticky top-0 z-10 flex items-center gap-2 rounded-t-md border-b bg-surface px-2 py-1">
        <button
          type="button"
          aria-expanded={open}
          aria-label={t("fold", { path: file.path })}
          onClick={() => setOpen(!open)}
          className="grid size-6 place-items-center rounded-sm hover:bg-accent"
        >
          <ChevronRight className={cn("size-4 transition-transform", open && "rotate-90")} aria-hidden />
        </button>
        <code className="min-w-0 break-all text-xs">{file.path}</code>
        <span className="tabular whitespace-nowrap text-xs">
          <span className="text-status-completed">+{counts?.additions ?? 0}</span>{" "}
          <span className="text-status-failed">−{counts?.deletions ?? 0}</span>
        </span>
        <label htmlFor={id} className="ml-auto flex items-center gap-1.5 whitespace-nowrap text-xs">
          <Checkbox
            id={id}
            checked={viewed}
            onCheckedChange={(checked) => {
              onViewed(checked === true);
              setOpen(checked !== true);
            }}
          />
          {t("viewed")}
        </label>
      </header>
      {open ? (
        file.binary ? (
          <p className="p-3 text-muted-foreground">{t("binary")}</p>
        ) : (
          <Lines file={file} />
        )
      ) : null}
    </section>
  );
}

const Lines = memo(function Lines({ file }: { file: FileDiff }) {
  return (
    <section
      aria-label={file.path}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keyboard
      tabIndex={0}
      className="overflow-x-auto"
    >
      <table className="w-full border-collapse font-mono text-xs leading-5">
        {file.hunks.map((hunk, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the hunks of a diff do not change
          <tbody key={index}>
            <tr className="bg-muted text-muted-foreground">
              <td colSpan={3} className="px-2">
                … {hunk.header}
              </td>
            </tr>
            {hunk.lines.map((line, at) => (
              <tr
                // biome-ignore lint/suspicious/noArrayIndexKey: the lines of a diff do not change
                key={at}
                className={cn(line.kind === "added" && "bg-added", line.kind === "removed" && "bg-removed")}
              >
                <td className="w-10 select-none px-1 text-right text-muted-foreground">{line.before}</td>
                <td className="w-10 select-none px-1 text-right text-muted-foreground">{line.after}</td>
                <td className="whitespace-pre px-2">
                  <span aria-hidden className="select-none">
                    {line.kind === "added" ? "+" : line.kind === "removed" ? "−" : " "}
                  </span>
                  {line.text}
                </td>
              </tr>
            ))}
          </tbody>
        ))}
      </table>
    </section>
  );
});

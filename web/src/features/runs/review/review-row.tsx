// One row of a review: the head of a file, a place in it, a line or two beside each other.
import { ChevronRight, Plus } from "lucide-react";
import { type KeyboardEvent, memo, type PointerEvent, useId } from "react";
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { Checkbox } from "@/components/ui/switch";
import { cn } from "@/lib/cn";
import { colours, useTokens } from "./highlight";
import { partsOf } from "./highlight-kinds";
import { anchorOf, type ReviewRow, type Side } from "./review-rows";
import type { DiffLine } from "./unified-diff";
import { type Piece, wordDiff } from "./word-diff";

type FileHeadProps = {
  row: Extract<ReviewRow, { kind: "file" }>;
  counts: Schemas["DiffFile"] | undefined;
  viewed: boolean;
  comments: number;
  onOpen: (open: boolean) => void;
  onViewed: (viewed: boolean) => void;
};

export function FileHead({ row, counts, viewed, comments, onOpen, onViewed }: FileHeadProps) {
  const t = useTranslations("review");
  const id = useId();
  const { file, open } = row;
  return (
    <div className="flex min-h-9 items-center gap-2 border-y bg-surface px-2 py-1 font-sans">
      <button
        type="button"
        aria-expanded={open}
        aria-label={t("fold", { path: file.path })}
        onClick={() => onOpen(!open)}
        className="grid size-6 shrink-0 place-items-center rounded-sm hover:bg-accent"
      >
        <ChevronRight className={cn("size-4 transition-transform", open && "rotate-90")} aria-hidden />
      </button>
      <code className="min-w-0 break-all text-xs">{file.path}</code>
      {counts ? <Counts additions={counts.additions} deletions={counts.deletions} /> : null}
      {counts && counts.change !== "modified" ? (
        <span className="text-muted-foreground text-xs">{t(`changes.${wordOf(counts.change)}`)}</span>
      ) : null}
      {comments > 0 ? (
        <span className="whitespace-nowrap text-primary text-xs">{t("comments", { count: comments })}</span>
      ) : null}
      <label htmlFor={id} className="ml-auto flex min-h-6 items-center gap-1.5 whitespace-nowrap text-xs">
        <Checkbox id={id} checked={viewed} onCheckedChange={(checked) => onViewed(checked === true)} />
        {t("viewed")}
      </label>
    </div>
  );
}

const changeWords = ["added", "modified", "deleted", "renamed", "copied", "type_changed"] as const;

function wordOf(change: string): (typeof changeWords)[number] {
  return changeWords.find((word) => word === change) ?? "modified";
}

/** How many lines came and went. */
export function Counts({ additions, deletions }: { additions: number | null; deletions: number | null }) {
  const t = useTranslations("review");
  if (additions === null || deletions === null) {
    return null;
  }
  return (
    <span className="tabular whitespace-nowrap text-xs">
      <span className="text-status-completed">
        <span aria-hidden>+{additions}</span>
        <span className="sr-only">{t("added", { count: additions })}</span>
      </span>{" "}
      <span className="text-status-failed">
        <span aria-hidden>−{deletions}</span>
        <span className="sr-only">{t("removed", { count: deletions })}</span>
      </span>
    </span>
  );
}

/** What lines can be told: where the keyboard is, and what was chosen with it or with the pointer. */
export type LineHandlers = {
  onPointerDown: (event: PointerEvent, key: string, side: Side, line: DiffLine) => void;
  onPointerEnter: (event: PointerEvent, key: string, side: Side, line: DiffLine) => void;
  onPointerUp: (event: PointerEvent) => void;
  onKeyDown: (event: KeyboardEvent, key: string, side: Side, line: DiffLine) => void;
};

export type LinesProps = {
  rowKey: string;
  handlers: LineHandlers;
  /** The side of this row that the keyboard is at. */
  current: Side | undefined;
  /** The side of this row that is chosen. */
  chosen: Side | undefined;
};

type UnifiedLineProps = LinesProps & { line: DiffLine; other: DiffLine | undefined };

export const UnifiedLine = memo(function UnifiedLine({ line, other, ...rest }: UnifiedLineProps) {
  return (
    <div
      className={cn(
        "group/line grid grid-cols-[5.5rem_minmax(0,1fr)]",
        tint(line),
        rest.chosen && "bg-primary/20",
      )}
    >
      <LineButton {...rest} side="after" line={line}>
        <span className="w-9 text-right">{line.before}</span>
        <span className="w-9 text-right">{line.after}</span>
      </LineButton>
      <Code line={line} other={other} />
    </div>
  );
});

type SplitLinesProps = LinesProps & { before: DiffLine | undefined; after: DiffLine | undefined };

export const SplitLines = memo(function SplitLines({ before, after, ...rest }: SplitLinesProps) {
  return (
    <div className="grid grid-cols-2 divide-x">
      <Half {...rest} side="before" line={before} other={after} />
      <Half {...rest} side="after" line={after} other={before} />
    </div>
  );
});

type HalfProps = LinesProps & { side: Side; line: DiffLine | undefined; other: DiffLine | undefined };

function Half({ side, line, other, ...rest }: HalfProps) {
  if (!line) {
    return <div className="bg-muted/60" />;
  }
  return (
    <div
      className={cn(
        "group/line grid grid-cols-[3.25rem_minmax(0,1fr)]",
        tint(line),
        rest.chosen === side && "bg-primary/20",
      )}
    >
      <LineButton {...rest} side={side} line={line}>
        <span className="w-10 text-right">{side === "before" ? line.before : line.after}</span>
      </LineButton>
      <Code line={line} other={line.kind === "context" ? undefined : other} />
    </div>
  );
}

function tint(line: DiffLine): string | undefined {
  return line.kind === "added" ? "bg-added" : line.kind === "removed" ? "bg-removed" : undefined;
}

type LineButtonProps = LinesProps & { side: Side; line: DiffLine; children: React.ReactNode };

/** The numbers of a line. Pressing them begins a comment; the arrow keys go from one to the next. */
function LineButton({ rowKey, side, line, handlers, current, children }: LineButtonProps) {
  const t = useTranslations("review");
  const number = anchorOf(line)?.number ?? 0;
  return (
    <button
      type="button"
      data-line={`${rowKey} ${side}`}
      tabIndex={current === side ? 0 : -1}
      aria-label={t(`line.${line.kind === "note" ? "context" : line.kind}`, { number, text: line.text })}
      onPointerDown={(event) => handlers.onPointerDown(event, rowKey, side, line)}
      onPointerEnter={(event) => handlers.onPointerEnter(event, rowKey, side, line)}
      onPointerUp={handlers.onPointerUp}
      onKeyDown={(event) => handlers.onKeyDown(event, rowKey, side, line)}
      className="relative flex touch-manipulation select-none items-start gap-1 pr-2 text-muted-foreground focus-visible:-outline-offset-2"
    >
      {children}
      <span
        aria-hidden
        className="absolute top-0 right-[-0.375rem] z-[1] hidden size-5 place-items-center rounded-sm bg-primary text-primary-foreground group-hover/line:grid"
      >
        <Plus className="size-3.5" />
      </span>
    </button>
  );
}

function Code({ line, other }: { line: DiffLine; other: DiffLine | undefined }) {
  const pieces = piecesOf(line, other);
  const tokens = useTokens(line);
  const word = line.kind === "added" ? "rounded-[2px] bg-added-word" : "rounded-[2px] bg-removed-word";
  return (
    <div className="min-w-0 whitespace-pre-wrap break-words pr-2 pl-5 [tab-size:4]">
      <span aria-hidden className="-ml-3 inline-block w-3 select-none">
        {line.kind === "added" ? "+" : line.kind === "removed" ? "−" : " "}
      </span>
      {pieces || tokens
        ? partsOf(line.text, tokens ?? [], pieces ?? []).map(({ text, kind, changed }, index) =>
            kind || changed ? (
              <span
                // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a line do not change
                key={index}
                // Nothing here has to be reconciled, and there are thousands of them while one scrolls.
                className={`${kind ? colours[kind] : ""} ${changed ? word : ""}`}
              >
                {text}
              </span>
            ) : (
              text
            ),
          )
        : line.text}
    </div>
  );
}

const compared = new WeakMap<DiffLine, WeakMap<DiffLine, Piece[] | null>>();

/** Compared when it is shown first, not before: a large change has more lines than anybody looks at. */
function piecesOf(line: DiffLine, other: DiffLine | undefined): Piece[] | null {
  if (!other || line.kind === "context" || other.kind === "context") {
    return null;
  }
  const known = compared.get(line)?.get(other);
  if (known !== undefined) {
    return known;
  }
  const found = line.kind === "removed" ? wordDiff(line.text, other.text) : wordDiff(other.text, line.text);
  const pieces = (line.kind === "removed" ? found?.before : found?.after) ?? null;
  const others = compared.get(line) ?? new WeakMap();
  others.set(other, pieces);
  compared.set(line, others);
  return pieces;
}

// What a review shows, row by row, made of a diff, of what is folded and of the comments. Pure.
import type { DiffLine, FileDiff } from "./unified-diff";

/** Which side of a diff a line is counted on: removed lines have a number only before. */
export type Side = "before" | "after";

export type Comment = {
  id: string;
  /** The step whose change was commented on; empty for all of the run. */
  scope: string;
  path: string;
  side: Side;
  from: number;
  to: number;
  /** The lines as they were when the comment was begun. */
  quote: string;
  text: string;
  /** What is in its editor, while that is open. */
  editing?: string | undefined;
};

/** Whether there is anything in it that could be sent: what is still in its editor is meant, too. */
export function saysSomething({ text, editing }: Comment): boolean {
  return (editing ?? text).trim() !== "";
}

export type View = "unified" | "split";

/** Two lines beside each other: what was and what is. */
export type Pair = { before?: DiffLine; after?: DiffLine };

export type ReviewRow = { key: string; file: FileDiff } & (
  | { kind: "file"; open: boolean }
  | { kind: "hunk"; header: string }
  /** `other` is what the line was, or became. */
  | { kind: "line"; line: DiffLine; other: DiffLine | undefined }
  | { kind: "pair"; pair: Pair }
  | { kind: "comment"; comment: Comment }
  | { kind: "note"; note: "binary" | "empty" | "cut" }
);

export type RowsWanted = {
  files: readonly FileDiff[];
  view: View;
  isOpen: (file: FileDiff) => boolean;
  comments: readonly Comment[];
  /** Lines that differ only in blanks are shown as the same. */
  ignoreBlanks: boolean;
};

export function reviewRows({ files, view, isOpen, comments, ignoreBlanks }: RowsWanted): ReviewRow[] {
  const rows: ReviewRow[] = [];
  for (const file of files) {
    const open = isOpen(file);
    rows.push({ key: file.path, file, kind: "file", open });
    if (!open) {
      continue;
    }
    const here = comments.filter((comment) => comment.path === file.path);
    const placed = new Set<string>();
    const body: ReviewRow[] = [];
    const place = (...lines: (DiffLine | undefined)[]) => {
      for (const comment of here) {
        if (!placed.has(comment.id) && lines.some((line) => line && isEnd(comment, line))) {
          placed.add(comment.id);
          body.push({ key: comment.id, file, kind: "comment", comment });
        }
      }
    };
    for (const [at, hunk] of file.hunks.entries()) {
      body.push({ key: `${file.path}@${at}`, file, kind: "hunk", header: hunk.header });
      const pairs = pairUp(hunk.lines, ignoreBlanks);
      for (const [number, line] of (view === "split" ? [] : unified(pairs)).entries()) {
        body.push({ key: `${file.path}@${at}:${number}`, file, kind: "line", ...line });
        place(line.line);
      }
      for (const [number, pair] of (view === "split" ? pairs : []).entries()) {
        body.push({ key: `${file.path}@${at}:${number}`, file, kind: "pair", pair });
        place(pair.before, pair.after);
      }
    }
    // A comment whose line is gone since is not lost.
    for (const comment of here) {
      if (!placed.has(comment.id)) {
        rows.push({ key: comment.id, file, kind: "comment", comment });
      }
    }
    rows.push(...body);
    if (file.partial) {
      rows.push({ key: `${file.path}!`, file, kind: "note", note: "cut" });
    } else if (file.binary || file.hunks.length === 0) {
      rows.push({ key: `${file.path}!`, file, kind: "note", note: file.binary ? "binary" : "empty" });
    }
  }
  return rows;
}

/** Removed lines beside the added ones that follow them. */
export function pairUp(lines: readonly DiffLine[], ignoreBlanks: boolean): Pair[] {
  const pairs: Pair[] = [];
  let removed: DiffLine[] = [];
  let added: DiffLine[] = [];
  const flush = () => {
    for (let at = 0; at < Math.max(removed.length, added.length); at++) {
      const [before, after] = [removed[at], added[at]];
      if (ignoreBlanks && before && after && bare(before.text) === bare(after.text)) {
        const same = {
          ...after,
          kind: "context" as const,
          ...(before.before ? { before: before.before } : {}),
        };
        pairs.push({ before: same, after: same });
      } else {
        pairs.push({ ...(before ? { before } : {}), ...(after ? { after } : {}) });
      }
    }
    [removed, added] = [[], []];
  };
  for (const line of lines) {
    if (line.kind === "removed") {
      if (added.length > 0) {
        flush();
      }
      removed.push(line);
    } else if (line.kind === "added") {
      added.push(line);
    } else if (line.kind === "context") {
      flush();
      pairs.push({ before: line, after: line });
    }
    // What Git says of a missing line break at the end belongs to no line of its own.
  }
  flush();
  return pairs;
}

/** One below the other: what was removed, then what came for it. */
function unified(pairs: readonly Pair[]): { line: DiffLine; other: DiffLine | undefined }[] {
  const lines: { line: DiffLine; other: DiffLine | undefined }[] = [];
  let waiting: { line: DiffLine; other: DiffLine | undefined }[] = [];
  for (const { before, after } of pairs) {
    if (before && before === after) {
      lines.push(...waiting, { line: before, other: undefined });
      waiting = [];
      continue;
    }
    if (before) {
      lines.push({ line: before, other: after });
    }
    if (after) {
      waiting.push({ line: after, other: before });
    }
  }
  return [...lines, ...waiting];
}

/** The side and number by which a comment finds a line again. */
export function anchorOf(line: DiffLine): { side: Side; number: number } | undefined {
  if (line.after !== undefined) {
    return { side: "after", number: line.after };
  }
  return line.before === undefined ? undefined : { side: "before", number: line.before };
}

function isEnd(comment: Comment, line: DiffLine): boolean {
  const anchor = anchorOf(line);
  return anchor?.side === comment.side && anchor.number === comment.to;
}

/** The text of the lines that a comment is about. */
export function quoteOf(file: FileDiff, side: Side, from: number, to: number): string {
  return file.hunks
    .flatMap((hunk) => hunk.lines)
    .filter((line) => {
      const anchor = anchorOf(line);
      return anchor?.side === side && anchor.number >= from && anchor.number <= to;
    })
    .map((line) => line.text)
    .join("\n");
}

function bare(text: string): string {
  return text.replace(/\s+/g, "");
}

export function lineCount(file: FileDiff): number {
  return file.hunks.reduce((sum, hunk) => sum + hunk.lines.length, 0);
}

const fingerprints = new WeakMap<FileDiff, string>();

/** Tells whether a file is as it was when somebody looked at it. */
export function fingerprint(file: FileDiff): string {
  const known = fingerprints.get(file);
  if (known) {
    return known;
  }
  let hash = 0x811c9dc5;
  for (const hunk of file.hunks) {
    for (const line of hunk.lines) {
      for (const unit of `${line.kind[0]}${line.text}\n`) {
        hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 0x01000193);
      }
    }
  }
  const print = `${lineCount(file)}-${(hash >>> 0).toString(36)}`;
  fingerprints.set(file, print);
  return print;
}

// The change itself: as many rows as fit on the screen, the head of the file that one is in on top. Every line can be
// reached with the arrow keys and commented on with Enter.
import { defaultRangeExtractor, type Range, useVirtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  type PointerEvent,
  type Ref,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
} from "react";
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { Button } from "@/components/ui/button";
import { cn } from "@/lib/cn";
import { unique } from "@/lib/unique";
import { CommentBox } from "./comment-box";
import { FileHead, type LineHandlers, SplitLines, UnifiedLine } from "./review-row";
import {
  anchorOf,
  type Comment,
  fingerprint,
  quoteOf,
  type ReviewRow,
  type Side,
  saysSomething,
} from "./review-rows";
import type { Notes, ReviewStore } from "./review-store";
import type { DiffLine, FileDiff } from "./unified-diff";

export type ReviewListHandle = { goTo: (path: string) => void; currentPath: () => string | undefined };

type ReviewListProps = {
  rows: readonly ReviewRow[];
  diff: Schemas["RunDiff"];
  scope: string;
  store: ReviewStore;
  notes: Notes;
  onOpen: (path: string, open: boolean) => void;
  onLoad: (path: string) => void;
  ref: Ref<ReviewListHandle>;
};

type Place = { key: string; side: Side };
type Chosen = { file: FileDiff; side: Side; anchor: number; focus: number };

export function ReviewList({ rows, diff, scope, store, notes, onOpen, onLoad, ref }: ReviewListProps) {
  const t = useTranslations("review");
  const scroller = useRef<HTMLElement>(null);
  const [current, setCurrent] = useState<Place>();
  const [chosen, setChosen] = useState<Chosen>();
  const [fresh, setFresh] = useState<string>();
  const heads = useMemo(() => rows.flatMap((row, index) => (row.kind === "file" ? [index] : [])), [rows]);
  const top = useRef(0);
  const at = current ? rows.findIndex((row) => row.key === current.key) : -1;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => sizes[rows[index]?.kind ?? "line"],
    getItemKey: (index) => rows[index]?.key ?? index,
    overscan: 6,
    scrollPaddingStart: 40,
    rangeExtractor: (range: Range) => {
      top.current = heads.findLast((head) => head <= range.startIndex) ?? 0;
      const shown = new Set([top.current, ...defaultRangeExtractor(range), ...(at >= 0 ? [at] : [])]);
      return [...shown].toSorted((one, other) => one - other);
    },
  });
  useImperativeHandle(ref, () => ({
    goTo: (path) => {
      const head = rows.findIndex((row) => row.kind === "file" && row.file.path === path);
      if (head >= 0) {
        virtual.scrollToIndex(head, { align: "start" });
      }
    },
    currentPath: () => rows[at >= 0 ? at : top.current]?.file.path,
  }));
  const focus = (place: Place) => {
    setCurrent(place);
    const index = rows.findIndex((row) => row.key === place.key);
    virtual.scrollToIndex(index, { align: "auto" });
    requestAnimationFrame(() =>
      scroller.current
        ?.querySelector<HTMLElement>(`[data-line="${CSS.escape(`${place.key} ${place.side}`)}"]`)
        ?.focus({ preventScroll: true }),
    );
  };
  const begin = ({ file, side, anchor, focus: end }: Chosen) => {
    const [from, to] = [Math.min(anchor, end), Math.max(anchor, end)];
    setChosen(undefined);
    // One that was begun there and is still empty is the one that is meant.
    const begun = notes.comments.find(
      (each) =>
        each.scope === scope &&
        each.path === file.path &&
        each.side === side &&
        each.from === from &&
        each.to === to &&
        !saysSomething(each),
    );
    if (begun) {
      setFresh(undefined);
      requestAnimationFrame(() => setFresh(begun.id));
      return;
    }
    const comment: Comment = {
      id: unique(),
      scope,
      path: file.path,
      side,
      from,
      to,
      quote: quoteOf(file, side, from, to),
      text: "",
      editing: "",
    };
    setFresh(comment.id);
    store.put(comment);
  };
  const move = (by: number, from: Place, extend: boolean, line: DiffLine) => {
    const start = rows.findIndex((row) => row.key === from.key);
    for (let index = start + by; index >= 0 && index < rows.length; index += by) {
      const row = rows[index];
      const next = row && lineAt(row, from.side);
      if (!row || !next) {
        continue;
      }
      if (extend) {
        const [old, anchor] = [anchorOf(line), anchorOf(next.line)];
        if (!old || !anchor || old.side !== anchor.side || rows[start]?.file !== row.file) {
          return;
        }
        setChosen({
          file: row.file,
          side: anchor.side,
          anchor: chosen?.side === anchor.side && chosen.file === row.file ? chosen.anchor : old.number,
          focus: anchor.number,
        });
      } else {
        setChosen(undefined);
      }
      focus({ key: row.key, side: next.side });
      return;
    }
  };
  const fileOf = (key: string) => rows.find((row) => row.key === key)?.file;
  const choose = (key: string, line: DiffLine, extend: boolean) => {
    const [file, anchor] = [fileOf(key), anchorOf(line)];
    if (!file || !anchor) {
      return undefined;
    }
    const goesOn = extend && chosen?.file === file && chosen.side === anchor.side;
    const next = {
      file,
      side: anchor.side,
      anchor: goesOn ? chosen.anchor : anchor.number,
      focus: anchor.number,
    };
    setChosen(next);
    return next;
  };
  const handlers: LineHandlers = {
    onPointerDown: (event: PointerEvent, key, side, line) => {
      if (event.button === 0) {
        // So that the lines beneath a finger that moves are told of it.
        event.currentTarget.releasePointerCapture(event.pointerId);
        setCurrent({ key, side });
        choose(key, line, event.shiftKey);
      }
    },
    onPointerEnter: (event: PointerEvent, key, _, line) => {
      if (event.buttons === 1 && chosen) {
        choose(key, line, true);
      }
    },
    onPointerUp: () => chosen && begin(chosen),
    onKeyDown: (event: KeyboardEvent, key, side, line) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        move(event.key === "ArrowDown" ? 1 : -1, { key, side }, event.shiftKey, line);
      } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
        const row = rows.find((each) => each.key === key);
        const other = event.key === "ArrowLeft" ? "before" : "after";
        if (row?.kind === "pair" && row.pair[other]) {
          event.preventDefault();
          focus({ key, side: other });
        }
      } else if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        const file = fileOf(key);
        const anchor = anchorOf(line);
        if (file && anchor) {
          // Where the keyboard goes back to.
          setCurrent({ key, side });
          begin(chosen ?? { file, side: anchor.side, anchor: anchor.number, focus: anchor.number });
        }
      } else if (event.key === "Escape" && chosen) {
        event.preventDefault();
        setChosen(undefined);
      }
    },
  };
  // Rows are kept as they are while these change: they reach the newest through one that does not.
  const latest = useRef(handlers);
  latest.current = handlers;
  const steady = useMemo<LineHandlers>(
    () => ({
      onPointerDown: (...args) => latest.current.onPointerDown(...args),
      onPointerEnter: (...args) => latest.current.onPointerEnter(...args),
      onPointerUp: (...args) => latest.current.onPointerUp(...args),
      onKeyDown: (...args) => latest.current.onKeyDown(...args),
    }),
    [],
  );
  const firstLine = useMemo(() => rows.find((row) => row.kind === "line" || row.kind === "pair"), [rows]);
  const here: Place | undefined =
    at >= 0
      ? current
      : firstLine
        ? { key: firstLine.key, side: lineAt(firstLine, "after")?.side ?? "after" }
        : undefined;
  const drawn = (row: ReviewRow) => {
    switch (row.kind) {
      case "file": {
        const print = fingerprint(row.file);
        return (
          <FileHead
            row={row}
            counts={diff.files.find((each) => each.path === row.file.path)}
            viewed={notes.viewed[row.file.path] === print}
            comments={
              notes.comments.filter((each) => each.path === row.file.path && saysSomething(each)).length
            }
            onOpen={(open) => onOpen(row.file.path, open)}
            onViewed={(is) => {
              store.mark(row.file.path, is ? print : undefined);
              onOpen(row.file.path, !is);
            }}
          />
        );
      }
      case "hunk":
        return (
          <p className="truncate bg-muted px-2 text-muted-foreground">
            <span aria-hidden>⋯ </span>
            {row.header}
          </p>
        );
      case "line":
        return (
          <UnifiedLine
            rowKey={row.key}
            line={row.line}
            other={row.other}
            handlers={steady}
            current={here?.key === row.key ? "after" : undefined}
            chosen={isChosen(row.file, row.line, chosen) ? "after" : undefined}
          />
        );
      case "pair": {
        const { before, after } = row.pair;
        return (
          <SplitLines
            rowKey={row.key}
            before={before}
            after={after}
            handlers={steady}
            current={here?.key === row.key ? here.side : undefined}
            chosen={
              isChosen(row.file, after, chosen)
                ? "after"
                : isChosen(row.file, before, chosen)
                  ? "before"
                  : undefined
            }
          />
        );
      }
      case "comment":
        return (
          <CommentBox
            comment={row.comment}
            store={store}
            fresh={row.comment.id === fresh}
            onDone={() => current && focus(current)}
          />
        );
      case "note":
        return (
          <div className="flex items-center gap-3 px-3 py-2 font-sans text-muted-foreground">
            {t(`notes.${row.note}`)}
            {row.note === "cut" ? (
              <Button size="small" onClick={() => onLoad(row.file.path)}>
                {t("load")}
              </Button>
            ) : null}
          </div>
        );
    }
  };
  return (
    <section
      ref={scroller}
      aria-label={t("change")}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keyboard
      tabIndex={0}
      className="min-h-0 min-w-0 flex-1 overflow-y-auto font-mono text-xs leading-5 focus-visible:-outline-offset-2"
    >
      <div className="relative w-full" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          const sticks = item.index === top.current;
          return row ? (
            <div
              key={item.key}
              data-index={item.index}
              ref={virtual.measureElement}
              className={cn("w-full", sticks ? "sticky top-0 z-10" : "absolute top-0 left-0")}
              style={sticks ? undefined : { transform: `translateY(${item.start}px)` }}
            >
              {drawn(row)}
            </div>
          ) : null;
        })}
      </div>
    </section>
  );
}

const sizes: Record<ReviewRow["kind"], number> = {
  file: 36,
  hunk: 20,
  line: 20,
  pair: 20,
  comment: 110,
  note: 44,
};

/** The line of a row on a side, or on the other one where that is empty. */
function lineAt(row: ReviewRow, side: Side): { line: DiffLine; side: Side } | undefined {
  if (row.kind === "line") {
    return { line: row.line, side: "after" };
  }
  if (row.kind !== "pair") {
    return undefined;
  }
  const other = side === "after" ? "before" : "after";
  const [own, its] = [row.pair[side], row.pair[other]];
  return own ? { line: own, side } : its ? { line: its, side: other } : undefined;
}

function isChosen(file: FileDiff, line: DiffLine | undefined, chosen: Chosen | undefined): boolean {
  const anchor = line && anchorOf(line);
  return (
    chosen !== undefined &&
    anchor?.side === chosen.side &&
    file.path === chosen.file.path &&
    anchor.number >= Math.min(chosen.anchor, chosen.focus) &&
    anchor.number <= Math.max(chosen.anchor, chosen.focus)
  );
}

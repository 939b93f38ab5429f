// The colours of code: of a review hunk by hunk when one comes onto the screen, of a file as a whole. They are found by a
// worker, and shown when they are there. Without them the code is there all the same.
import { startTransition, useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { beginnings, type Kind, type Packed, type Token, unpacked } from "./highlight-kinds";
import type { Asked, Found } from "./highlight-worker";
import type { DiffLine, FileDiff, Hunk } from "./unified-diff";

/** In characters: what is longer is no code that anybody wrote. */
const LONGEST_LINE = 2_000;
const LONGEST_HUNK = 200_000;
/** A file is drawn whole, every part of it as an element: what is longer stays as it is. */
const LONGEST_FILE = 100_000;
/** In milliseconds: a worker that takes longer does not answer any more. */
const PATIENCE = 10_000;

type Part = Pick<Worker, "postMessage" | "terminate" | "addEventListener">;

export class Highlighter {
  private readonly known = new WeakSet<readonly FileDiff[]>();
  private readonly places = new WeakMap<DiffLine, { hunk: Hunk; language: string }>();
  private readonly packed = new WeakMap<DiffLine, { all: Packed; from: number }>();
  private readonly tokens = new WeakMap<DiffLine, readonly Token[]>();
  private readonly asked = new WeakSet<Hunk>();
  private readonly waiting = new Map<number, (lines: Packed | undefined) => void>();
  private readonly listeners = new Map<DiffLine, Set<() => void>>();
  private worker: Part | undefined;
  private patience: ReturnType<typeof setTimeout> | undefined;
  private next = 0;
  private failed = false;

  constructor(private readonly start: () => Part) {}

  /** Tells where lines are, so that they can be asked for. */
  know(files: readonly FileDiff[]): void {
    if (this.known.has(files)) {
      return;
    }
    this.known.add(files);
    for (const { path, hunks } of files) {
      const language = languageOf(path);
      for (const hunk of language ? hunks : []) {
        for (const line of hunk.lines) {
          this.places.set(line, { hunk, language });
        }
      }
    }
  }

  /** The parts of a line, if they are known. */
  of(line: DiffLine): readonly Token[] | undefined {
    const known = this.tokens.get(line);
    const found = this.packed.get(line);
    if (known || !found) {
      return known;
    }
    const tokens = unpacked(found.all, found.from);
    this.tokens.set(line, tokens);
    return tokens;
  }

  /** Asks for what the line is in, and tells when its parts are known. The answer ends that. */
  watch(line: DiffLine, listener: () => void): () => void {
    const place = this.places.get(line);
    if (place) {
      this.ask(place.hunk, place.language);
    }
    const all = this.listeners.get(line) ?? new Set();
    this.listeners.set(line, all.add(listener));
    return () => {
      all.delete(listener);
      if (all.size === 0) {
        this.listeners.delete(line);
      }
    };
  }

  /** Asks for the parts of a whole text, unless it is too long for them. */
  whole(language: string, text: string, answer: (lines: Packed) => void): void {
    const isCode = language && text.length <= LONGEST_FILE;
    if (this.failed || !isCode || text.split("\n").some((line) => line.length > LONGEST_LINE)) {
      return;
    }
    this.send(language, text, (found) => found && answer(found));
  }

  private ask(hunk: Hunk, language: string): void {
    if (this.failed || this.asked.has(hunk)) {
      return;
    }
    this.asked.add(hunk);
    for (const side of ["before", "after"] as const) {
      const lines = hunk.lines.filter((line) => line[side] !== undefined);
      // A line that is in both has the colours that it has now.
      const isWanted = (line: DiffLine) => side === "after" || line.after === undefined;
      const text = lines.map((line) => line.text).join("\n");
      if (
        !lines.some(isWanted) ||
        text.length > LONGEST_HUNK ||
        lines.some((line) => line.text.length > LONGEST_LINE)
      ) {
        continue;
      }
      this.send(language, text, (found) => {
        const places = found ? beginnings(found) : undefined;
        for (const [index, line] of lines.entries()) {
          const from = places?.get(index);
          if (found && from !== undefined && isWanted(line)) {
            this.packed.set(line, { all: found, from });
            for (const tell of this.listeners.get(line) ?? []) {
              tell();
            }
          }
        }
      });
    }
  }

  private send(language: string, text: string, answer: (lines: Packed | undefined) => void): void {
    this.worker ??= this.begin();
    const id = this.next++;
    this.waiting.set(id, answer);
    this.worker.postMessage({ id, language, text } satisfies Asked);
    this.patience ??= setTimeout(this.giveUp, PATIENCE);
  }

  private begin(): Part {
    const worker = this.start();
    worker.addEventListener("message", (event) => {
      const { id, lines } = (event as MessageEvent<Found>).data;
      clearTimeout(this.patience);
      const answer = this.waiting.get(id);
      this.waiting.delete(id);
      this.patience = this.waiting.size > 0 ? setTimeout(this.giveUp, PATIENCE) : undefined;
      answer?.(lines);
    });
    worker.addEventListener("error", this.giveUp);
    return worker;
  }

  private giveUp = (): void => {
    clearTimeout(this.patience);
    this.failed = true;
    this.waiting.clear();
    this.worker?.terminate();
    this.worker = undefined;
  };
}

/** The name by which the highlighter may know what a file is written in; empty when nothing tells. */
export function languageOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  if (/^(dockerfile|containerfile)(\.|$)/.test(name)) {
    return "dockerfile";
  }
  if (name === "makefile") {
    return "makefile";
  }
  const dot = name.lastIndexOf(".");
  const ending = dot > 0 ? name.slice(dot + 1) : "";
  return endings[ending] ?? ending;
}

/** Endings that are not a name of their language as well. */
const endings: Record<string, string> = {
  txt: "",
  lock: "",
  mts: "ts",
  cts: "ts",
  jsonl: "json",
  proto: "protobuf",
  vue: "xml",
  svelte: "xml",
  zig: "c",
};

/** One for the page: the worker is made when the first code is shown. */
const shared = new Highlighter(
  () => new Worker(new URL("./highlight-worker.ts", import.meta.url), { type: "module" }),
);

/** Makes known what is in these files, so that the lines of them can be asked for. */
export function tellHighlighter(files: readonly FileDiff[]): void {
  if (typeof Worker !== "undefined") {
    shared.know(files);
  }
}

/** The parts of a line, as soon as they are known. */
export function useTokens(line: DiffLine): readonly Token[] | undefined {
  const watch = useCallback((listener: () => void) => shared.watch(line, listener), [line]);
  return useSyncExternalStore(watch, () => shared.of(line));
}

/** The parts of every line of this text, as soon as they are known. */
export function useTokensOf(path: string, text: string): readonly (readonly Token[])[] | undefined {
  const [found, setFound] = useState<{ text: string; lines: readonly (readonly Token[])[] }>();
  useEffect(() => {
    let wanted = true;
    if (typeof Worker !== "undefined") {
      shared.whole(languageOf(path), text, (packed) => {
        const places = beginnings(packed);
        const lines = text.split("\n").map((_, line) => {
          const from = places.get(line);
          return from === undefined ? [] : unpacked(packed, from);
        });
        if (wanted) {
          startTransition(() => setFound({ text, lines }));
        }
      });
    }
    return () => {
      wanted = false;
    };
  }, [path, text]);
  return found?.text === text ? found.lines : undefined;
}

/** What each kind looks like. */
export const colours: Record<Kind, string> = {
  comment: "text-code-comment italic",
  keyword: "text-code-keyword",
  string: "text-code-string",
  number: "text-code-number",
  function: "text-code-function",
  type: "text-code-type",
  attribute: "text-code-attribute",
};

import highlighter from "highlight.js/lib/common";
import { expect, test, vi } from "vitest";
import { Highlighter, languageOf } from "./highlight";
import { type Kind, linesOf, packed, partsOf } from "./highlight-kinds";
import type { Asked } from "./highlight-worker";
import { readUnifiedDiff } from "./unified-diff";

const diff = `diff --git a/src/a.ts b/src/a.ts
--- a/src/a.ts
+++ b/src/a.ts
@@ -1,3 +1,3 @@
 /* one
-   two */ const x = "<b> & 'c'";
+   two */ const y = 42;
 return;
diff --git a/notes b/notes
--- a/notes
+++ b/notes
@@ -1 +1 @@
-one
+two
`;

/** A worker that answers when it is told to. */
function worker() {
  const asked: Asked[] = [];
  const listeners: Record<string, (event: { data: unknown }) => void> = {};
  const part = {
    postMessage: (message: Asked) => void asked.push(message),
    terminate: vi.fn(),
    addEventListener: (type: string, listener: never) => {
      listeners[type] = listener;
    },
  };
  const answer = () => {
    for (const { id, language, text } of asked.splice(0)) {
      listeners.message?.({
        data: { id, lines: packed(linesOf(highlighter.highlight(text, { language }).value)) },
      });
    }
  };
  return { asked, answer, part, fails: () => listeners.error?.({ data: undefined }) };
}

const kindAt = (text: string, tokens: readonly { end: number; kind: Kind | undefined }[], of: string) =>
  tokens.find(({ end }) => end > text.indexOf(of))?.kind;

test("the parts of a line are those of the hunk that it is in, before and after", () => {
  const { asked, answer, part } = worker();
  const colours = new Highlighter(() => part as never);
  const files = readUnifiedDiff(diff);
  colours.know(files);
  const [, old, fresh, last] = files[0]?.hunks[0]?.lines ?? [];
  if (!old || !fresh || !last) {
    throw new Error("the diff has other lines");
  }
  const told = vi.fn();
  const stop = colours.watch(old, told);
  colours.watch(fresh, () => {})();
  expect(asked.map(({ language }) => language)).toEqual(["ts", "ts"]);
  answer();
  expect(told).toHaveBeenCalledOnce();
  const before = colours.of(old) ?? [];
  expect(kindAt(old.text, before, "two")).toBe("comment");
  expect(kindAt(old.text, before, "const")).toBe("keyword");
  expect(kindAt(old.text, before, "& 'c'")).toBe("string");
  expect(before.at(-1)?.end).toBe(old.text.length);
  expect(kindAt(fresh.text, colours.of(fresh) ?? [], "42")).toBe("number");
  expect(kindAt(last.text, colours.of(last) ?? [], "return")).toBe("keyword");
  stop();
  colours.watch(last, () => {});
  expect(asked).toEqual([]);
});

test("what is no code asks for nothing, and a worker that fails is not asked again", () => {
  const { asked, part, fails } = worker();
  const colours = new Highlighter(() => part as never);
  const [code, notes] = readUnifiedDiff(diff);
  colours.know([code, notes].flatMap((file) => file ?? []));
  for (const line of notes?.hunks[0]?.lines ?? []) {
    colours.watch(line, () => {});
  }
  expect(asked).toEqual([]);
  const [line] = code?.hunks[0]?.lines ?? [];
  if (line) {
    colours.watch(line, () => {});
    expect(asked).toHaveLength(2);
    fails();
    expect(part.terminate).toHaveBeenCalled();
    expect(colours.of(line)).toBeUndefined();
  }
});

test("a whole text is asked for at once, unless it is too long or no code", () => {
  const { asked, answer, part } = worker();
  const colours = new Highlighter(() => part as never);
  const found = vi.fn();
  colours.whole("rs", "let a = 1;\nfn b() {}", found);
  colours.whole("", "let a = 1;", found);
  colours.whole("rs", "x".repeat(2_001), found);
  colours.whole("rs", "let a = 1;\n".repeat(10_000), found);
  expect(asked).toHaveLength(1);
  answer();
  expect(found).toHaveBeenCalledOnce();
});

test("a language is told from the name of a file", () => {
  expect(
    ["src/Main.RS", "Dockerfile.dev", "Makefile", ".gitignore", "a/b.proto", "Cargo.lock"].map(languageOf),
  ).toEqual(["rs", "dockerfile", "makefile", "", "protobuf", ""]);
});

test("colours and changed words cut a line where either does", () => {
  expect(
    partsOf(
      "let ab = 1;",
      [
        { end: 3, kind: "keyword" },
        { end: 9, kind: undefined },
        { end: 10, kind: "number" },
      ],
      [
        { text: "let a", changed: false },
        { text: "b = 1", changed: true },
        { text: ";", changed: false },
      ],
    ).map(({ text, kind, changed }) => [text, kind, changed]),
  ).toEqual([
    ["let", "keyword", false],
    [" a", undefined, false],
    ["b = ", undefined, true],
    ["1", "number", true],
    [";", undefined, false],
  ]);
  expect(partsOf("ab", [], [])).toEqual([{ text: "ab", kind: undefined, changed: false }]);
});

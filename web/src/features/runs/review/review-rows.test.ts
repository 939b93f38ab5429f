import { expect, test } from "vitest";
import { type Comment, fingerprint, pairUp, quoteOf, type RowsWanted, reviewRows } from "./review-rows";
import { type FileDiff, readUnifiedDiff } from "./unified-diff";

const [file] = readUnifiedDiff(
  [
    "diff --git a/a.py b/a.py",
    "--- a/a.py",
    "+++ b/a.py",
    "@@ -1,5 +1,5 @@ def f():",
    " first",
    "-old one",
    "-old two",
    "-old three",
    "+new one",
    "+new two",
    " last",
  ].join("\n"),
) as [FileDiff];

const comment = (change: Partial<Comment>): Comment => ({
  id: "1",
  scope: "",
  path: "a.py",
  side: "after",
  from: 2,
  to: 2,
  quote: "new one",
  text: "Why?",
  ...change,
});

const shown = (change: Partial<RowsWanted>) =>
  reviewRows({
    files: [file],
    view: "unified",
    isOpen: () => true,
    comments: [],
    ignoreBlanks: false,
    ...change,
  }).map((row) => {
    switch (row.kind) {
      case "line":
        return `${row.line.kind[0]} ${row.line.text}`;
      case "pair":
        return `${row.pair.before?.text ?? ""} | ${row.pair.after?.text ?? ""}`;
      case "comment":
        return `# ${row.comment.text}`;
      default:
        return row.kind;
    }
  });

test("one below the other, what was removed comes before what came for it", () => {
  expect(shown({})).toEqual([
    "file",
    "hunk",
    "c first",
    "r old one",
    "r old two",
    "r old three",
    "a new one",
    "a new two",
    "c last",
  ]);
});

test("beside each other, a line stands beside what it became", () => {
  expect(shown({ view: "split" })).toEqual([
    "file",
    "hunk",
    "first | first",
    "old one | new one",
    "old two | new two",
    "old three | ",
    "last | last",
  ]);
});

test("a comment stands below its last line, in both views and on both sides", () => {
  const comments = [comment({}), comment({ id: "2", side: "before", from: 2, to: 4, text: "Keep these." })];
  expect(shown({ comments })).toEqual([
    "file",
    "hunk",
    "c first",
    "r old one",
    "r old two",
    "r old three",
    "# Keep these.",
    "a new one",
    "# Why?",
    "a new two",
    "c last",
  ]);
  const split = shown({ comments, view: "split" });
  expect(split[split.indexOf("# Why?") - 1]).toBe("old one | new one");
  expect(split[split.indexOf("# Keep these.") - 1]).toBe("old three | ");
});

test("a comment whose line is gone stands at the head of its file, and a folded file hides its own", () => {
  expect(shown({ comments: [comment({ from: 90, to: 90 })] }).slice(0, 3)).toEqual([
    "file",
    "# Why?",
    "hunk",
  ]);
  expect(shown({ comments: [comment({})], isOpen: () => false })).toEqual(["file"]);
});

test("a file without lines says what it is, and a cut text that it is cut", () => {
  const [binary, moved] = readUnifiedDiff(
    [
      "diff --git a/l.png b/l.png",
      "Binary files a/l.png and b/l.png differ",
      "diff --git a/x b/y",
      "rename from x",
      "rename to y",
    ].join("\n"),
  ) as [FileDiff, FileDiff];
  const notes = reviewRows({
    files: [binary, moved, { ...file, partial: true }],
    view: "split",
    isOpen: () => true,
    comments: [],
    ignoreBlanks: false,
  }).flatMap((row) => (row.kind === "note" ? [row.note] : []));
  expect(notes).toEqual(["binary", "empty", "cut"]);
});

test("lines that differ in blanks alone are the same when one asks for that", () => {
  const [indented] = readUnifiedDiff(
    ["diff --git a/x b/x", "@@ -1,2 +1,2 @@", "-a = 1", "-b", "+  a  = 1", "+c"].join("\n"),
  ) as [FileDiff];
  const pairs = pairUp(indented.hunks[0]?.lines ?? [], true);
  expect(pairs.map(({ before, after }) => [before?.kind, after?.kind, after?.text])).toEqual([
    ["context", "context", "  a  = 1"],
    ["removed", "added", "c"],
  ]);
});

test("a comment quotes the lines of its side", () => {
  expect(quoteOf(file, "after", 1, 3)).toBe("first\nnew one\nnew two");
  expect(quoteOf(file, "before", 2, 3)).toBe("old one\nold two");
});

test("a file that changed is another one to look at", () => {
  const [changed] = readUnifiedDiff("diff --git a/a.py b/a.py\n@@ -1 +1 @@\n+new one") as [FileDiff];
  expect(fingerprint(file)).toBe(fingerprint(structuredClone(file)));
  expect(fingerprint(changed)).not.toBe(fingerprint(file));
});

import { expect, test } from "vitest";
import { readUnifiedDiff } from "./unified-diff";

test("lines have their numbers on both sides", () => {
  const [file] = readUnifiedDiff(
    [
      "diff --git a/src/a.py b/src/a.py",
      "index 1..2 100644",
      "--- a/src/a.py",
      "+++ b/src/a.py",
      "@@ -3,3 +3,4 @@ def f():",
      " same",
      "-old",
      "+new",
      "+more",
      " end",
      "\\ No newline at end of file",
      "",
    ].join("\n"),
  );
  expect(file?.path).toBe("src/a.py");
  expect(file?.hunks[0]?.header).toBe("def f():");
  expect(file?.hunks[0]?.lines).toEqual([
    { kind: "context", text: "same", before: 3, after: 3 },
    { kind: "removed", text: "old", before: 4 },
    { kind: "added", text: "new", after: 4 },
    { kind: "added", text: "more", after: 5 },
    { kind: "context", text: "end", before: 5, after: 6 },
    { kind: "note", text: "No newline at end of file" },
  ]);
});

test("files that were removed, renamed, binary or oddly named have their names", () => {
  const files = readUnifiedDiff(
    [
      "diff --git a/gone b/gone",
      "deleted file mode 100644",
      "--- a/gone",
      "+++ /dev/null",
      "@@ -1 +0,0 @@",
      "-x",
      "diff --git a/old name b/new name",
      "similarity index 100%",
      "rename from old name",
      "rename to new name",
      "diff --git a/logo.png b/logo.png",
      "Binary files a/logo.png and b/logo.png differ",
      'diff --git "a/\\303\\244.txt" "b/\\303\\244.txt"',
      "--- /dev/null",
      '+++ "b/\\303\\244.txt"',
      "@@ -0,0 +1 @@",
      "+++ b/not a header",
    ].join("\n"),
  );
  expect(files.map((file) => file.path)).toEqual(["gone", "new name", "logo.png", "ä.txt"]);
  expect(files[2]?.binary).toBe(true);
  expect(files[3]?.hunks[0]?.lines[0]?.text).toBe("++ b/not a header");
});

test("text that is no diff has no files", () => {
  expect(readUnifiedDiff("")).toEqual([]);
  expect(readUnifiedDiff("hello\n@@ -1 +1 @@\n+x")).toEqual([]);
});

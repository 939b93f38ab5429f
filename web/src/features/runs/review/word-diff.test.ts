import { expect, test } from "vitest";
import { type Piece, wordDiff } from "./word-diff";

const shown = (pieces: Piece[] | undefined) =>
  pieces?.map((piece) => (piece.changed ? `[${piece.text}]` : piece.text)).join("");

test.each([
  ["let count = 1;", "let total = 1;", "let [count] = 1;", "let [total] = 1;"],
  ["f(a, b)", "f(a, b, c)", "f(a, b)", "f(a, b[, c])"],
  ["return x", "return x", "return x", "return x"],
  ["größe = 1", "größe = 2", "größe = [1]", "größe = [2]"],
  ["a.b.c()", "a.x.c(y)", "a.[b].c()", "a.[x].c([y])"],
])("%j and %j", (before, after, marked, markedAfter) => {
  const found = wordDiff(before, after);
  expect(shown(found?.before)).toBe(marked);
  expect(shown(found?.after)).toBe(markedAfter);
});

test("lines with nothing in common are not cut into crumbs", () => {
  expect(wordDiff("import os", "class Shop:")).toBeUndefined();
  expect(wordDiff("", "text")).toBeUndefined();
});

test("very long lines are compared at their ends only, and at once", () => {
  const long = (word: string) => `start ${Array.from({ length: 5000 }, (_, at) => word + at).join(" ")} end`;
  const begin = performance.now();
  const found = wordDiff(long("a"), long("b"));
  expect(performance.now() - begin).toBeLessThan(500);
  expect(found).toBeUndefined();
});

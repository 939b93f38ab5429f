import { expect, test } from "vitest";
import { fits } from "@/api/run-filter";
import { readFilter, writeFilter } from "./filter";

test("tokens are filters, and the rest is searched for", () => {
  expect(readFilter("status:failed  dark theme workflow:single sort:oldest")).toEqual({
    status: "failed",
    workflow: "single",
    sort: "oldest",
    text: "dark theme",
  });
});

test("what looks like a token and is none is searched for", () => {
  expect(readFilter("status:odd http://x sort:newest")).toEqual({ text: "status:odd http://x sort:newest" });
  expect(readFilter("  ")).toEqual({});
});

test("a filter reads as it was written", () => {
  for (const text of ["", "status:paused", "workflow:a sort:oldest two words"]) {
    expect(writeFilter(readFilter(text))).toBe(text);
  }
});

test("a run belongs to a list when everything fits", () => {
  const run = { status: "failed", workflow: "single", promptPreview: "Paint the DOOR" };
  expect(fits(run, {})).toBe(true);
  expect(fits(run, { status: "failed", workflow: "single", text: "door" })).toBe(true);
  expect(
    [{ status: "running" as const }, { workflow: "x" }, { text: "roof" }].map((f) => fits(run, f)),
  ).toEqual([false, false, false]);
});

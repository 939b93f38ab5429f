import { expect, test } from "vitest";
import { pastedRun } from "./pasted";

const run = "run_01a209408ed07b1686d632396a17d7ca";

test("an identifier names a run of the project that is open", () => {
  expect(pastedRun(run, "shop")).toEqual({ slug: "shop", run });
  expect(pastedRun(`see ${run}.`, "shop")).toEqual({ slug: "shop", run });
  expect(pastedRun(run, undefined)).toBeUndefined();
});

test("an address names its project, too", () => {
  expect(pastedRun(`https://courier.example.org/p/till/runs/${run}?tab=diff`, "shop")).toEqual({
    slug: "till",
    run,
  });
  expect(pastedRun(`/p/till/runs/${run}`, undefined)).toEqual({ slug: "till", run });
});

test("other texts name none", () => {
  expect(pastedRun("run the tests", "shop")).toBeUndefined();
  expect(pastedRun(`${run}0`, "shop")).toBeUndefined();
});

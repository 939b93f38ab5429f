import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { expectation } from "./expectation";

const run = (seconds: number, cost: number, status = "completed") =>
  ({
    status,
    startedAt: "2026-11-23T08:00:00.000Z",
    finishedAt: new Date(Date.parse("2026-11-23T08:00:00.000Z") + seconds * 1000).toISOString(),
    costMicroUsd: cost,
  }) as Schemas["Run"];

test("the middle of what ended well is expected", () => {
  expect(expectation([run(10, 1), run(1000, 500), run(20, 3), run(5, 9, "failed")])).toEqual({
    milliseconds: 20_000,
    microUsd: 3,
    runs: 3,
  });
  expect(expectation([run(10, 1), run(20, 2), run(30, 3), run(40, 4)])).toMatchObject({
    milliseconds: 25_000,
    microUsd: 2.5,
  });
});

test("two runs say nothing of a third", () => {
  expect(expectation([run(10, 1), run(20, 2), run(30, 3, "cancelled")])).toBeUndefined();
  expect(expectation([])).toBeUndefined();
});

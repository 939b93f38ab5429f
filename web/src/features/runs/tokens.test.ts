import { expect, test } from "vitest";
import { reportedOf } from "./tokens";

const tokens = { input: 1, output: 2, cacheRead: 4, cacheWrite5m: 8, cacheWrite1h: 16 };

test("what agents count by themselves is added up, and is nothing where the gateway counts", () => {
  expect(reportedOf([{ reportedUsage: null }])).toBeUndefined();
  const told = { reportedUsage: { tokens, estimatedCostMicroUsd: 500 } };
  const silent = { reportedUsage: { tokens, estimatedCostMicroUsd: null } };
  expect(reportedOf([told, { reportedUsage: null }, silent])).toEqual({ tokens: 62, costMicroUsd: 500 });
});

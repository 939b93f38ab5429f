import { expect, test } from "vitest";
import { processors, type Sample, withSample } from "./usage";

const sample = (at: number, cpuMicroseconds: number | null): Sample => ({
  at,
  usage: { cpuMicroseconds, memoryBytes: null, processes: null, diskBytes: null },
});

test("processor time becomes processors in use", () => {
  const samples = [sample(0, 0), sample(2000, 3_000_000), sample(4000, 3_000_000), sample(6000, null)];
  expect(processors(samples)).toEqual([1.5, 0]);
  expect(processors([])).toEqual([]);
  expect(processors([sample(0, 5)])).toEqual([]);
});

test("what comes again after the connection broke is not taken twice", () => {
  const samples = withSample(withSample([], sample(1, 1)), sample(1, 1));
  expect(samples).toHaveLength(1);
});

test("a page that is open for days keeps two minutes", () => {
  let samples: readonly Sample[] = [];
  for (let at = 1; at <= 500; at++) {
    samples = withSample(samples, sample(at, at));
  }
  expect(samples).toHaveLength(60);
  expect(samples.at(-1)?.at).toBe(500);
});

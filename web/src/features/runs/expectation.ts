// What a run will probably take, by what others of its workflow took. Pure.
import type { Schemas } from "@/api/client";

export type Expectation = { milliseconds: number; microUsd: number; runs: number };

/** The middle of what ended well; nothing to say below three. */
export function expectation(runs: readonly Schemas["Run"][]): Expectation | undefined {
  const ended = runs.flatMap((run) =>
    run.status === "completed" && run.startedAt && run.finishedAt
      ? [{ took: Date.parse(run.finishedAt) - Date.parse(run.startedAt), cost: run.costMicroUsd }]
      : [],
  );
  return ended.length < 3
    ? undefined
    : {
        milliseconds: middle(ended.map((run) => run.took)),
        microUsd: middle(ended.map((run) => run.cost)),
        runs: ended.length,
      };
}

function middle(values: number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const half = sorted.length >> 1;
  const [below, above] = [sorted[Math.ceil(sorted.length / 2) - 1] ?? 0, sorted[half] ?? 0];
  return (below + above) / 2;
}

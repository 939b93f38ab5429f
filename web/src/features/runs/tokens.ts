// Counting tokens, whoever counted them.
import type { Schemas } from "@/api/client";

/** Tokens of every kind, in one number. */
export const allTokens = (tokens: Schemas["TokensView"]): number =>
  tokens.input + tokens.output + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h;

type Reported = { tokens: number; costMicroUsd: number };

/** What agents say they used that no gateway counted; nothing where there is no such step. */
export function reportedOf(
  steps: readonly Pick<Schemas["StepView"], "reportedUsage">[],
): Reported | undefined {
  const reports = steps.flatMap(({ reportedUsage }) => reportedUsage ?? []);
  if (reports.length === 0) {
    return undefined;
  }
  return {
    tokens: reports.reduce((sum, { tokens }) => sum + allTokens(tokens), 0),
    costMicroUsd: reports.reduce((sum, report) => sum + (report.estimatedCostMicroUsd ?? 0), 0),
  };
}

// What a project needs before its first run, and how much of it is there.
import type { Schemas } from "@/api/client";

export type SetupStep = { id: "key" | "repository" | "run"; done: boolean };

type Known = {
  keys: readonly Schemas["ProviderKey"][];
  repository: string | null;
  hasRun: boolean;
};

/** Keys of these services let an agent ask a model. */
const modelProviders: Schemas["ProviderName"][] = ["anthropic", "anthropic_token", "openai", "openrouter"];

export function setupSteps({ keys, repository, hasRun }: Known): SetupStep[] {
  return [
    { id: "key", done: keys.some((key) => modelProviders.includes(key.provider)) },
    { id: "repository", done: Boolean(repository) },
    { id: "run", done: hasRun },
  ];
}

/** The one to do next; nothing when all is done. */
export const nextStep = (steps: readonly SetupStep[]): SetupStep["id"] | undefined =>
  steps.find((step) => !step.done)?.id;

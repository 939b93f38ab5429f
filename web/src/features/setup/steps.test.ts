import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { nextStep, setupSteps } from "./steps";

const key = (provider: Schemas["ProviderName"]): Schemas["ProviderKey"] => ({
  provider,
  lastFour: "1234",
  setAt: "2026-01-01T00:00:00Z",
  setBy: "system",
  lastUsedAt: null,
  risk: null,
});
const done = (known: Parameters<typeof setupSteps>[0]) =>
  setupSteps(known)
    .filter((step) => step.done)
    .map((step) => step.id);

test("a fresh project begins with a key", () => {
  const steps = setupSteps({ keys: [], repository: null, hasRun: false });
  expect(nextStep(steps)).toBe("key");
});

test("a key counts when an agent can ask a model with it", () => {
  expect(done({ keys: [key("github"), key("e2b")], repository: null, hasRun: false })).toEqual([]);
  expect(done({ keys: [key("openrouter")], repository: null, hasRun: false })).toEqual(["key"]);
});

test("steps may be done in any order, and the first that is left is next", () => {
  const steps = setupSteps({ keys: [key("anthropic")], repository: null, hasRun: true });
  expect(nextStep(steps)).toBe("repository");
  expect(
    nextStep(setupSteps({ keys: [key("anthropic")], repository: "https://a/b", hasRun: true })),
  ).toBeUndefined();
});

import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { agentsOf, blindOf, changedBy, effortsOf, modelsOf } from "./capabilities";

function agent(id: Schemas["AgentName"], models: string[], efforts: Schemas["EffortName"][], images = true) {
  return {
    id,
    name: id,
    efforts,
    models: models.map((name) => ({ name, provider: "anthropic" })),
    capabilities: { images },
  } as unknown as Schemas["Agent"];
}

const claude = agent("claude", ["opus", "shared"], ["low", "max"]);
const codex = agent("codex", ["gpt", "shared"], ["low"], false);
const agents = [claude, codex];

test("efforts and models are those of the agent, and all where it is not known which it will be", () => {
  expect(effortsOf(codex)).toEqual(["low"]);
  expect(effortsOf(undefined)).toEqual(["low", "medium", "high", "xhigh", "max"]);
  expect(modelsOf(agents, codex)).toEqual(["gpt", "shared"]);
  expect(modelsOf(agents, undefined)).toEqual(["opus", "shared", "gpt"]);
});

test("another agent takes with it what only the old one could do, and leaves what it may know", () => {
  const chosen = { agent: "claude", model: "opus", effort: "max" } as const;
  expect(changedBy(agents, chosen, "codex")).toEqual({ agent: "codex", model: null, effort: null });
  expect(changedBy(agents, { ...chosen, model: "shared", effort: "low" }, "codex")).toEqual({
    agent: "codex",
  });
  expect(changedBy(agents, { ...chosen, model: "my-own-finetune", effort: null }, "codex")).toEqual({
    agent: "codex",
  });
  expect(changedBy(agents, chosen, null)).toEqual({ agent: null });
});

test("whoever cannot look at pictures is named, wherever a pipeline names them", () => {
  const pipeline = [{ agent: "claude" }, { nodes: [{ agent: null }, { nodes: [{ agent: "codex" }] }] }];
  expect(agentsOf(pipeline)).toEqual(["claude", "codex"]);
  expect(blindOf(agents, agentsOf(pipeline))).toEqual([codex]);
  expect(blindOf(agents, [null, undefined, "claude"])).toEqual([]);
});

// What agents can do, as the server says it. Pure.
import type { Schemas } from "@/api/client";

type Agent = Schemas["Agent"];

export type AgentChoice = {
  agent: Schemas["AgentName"] | null;
  model: string | null;
  effort: Schemas["EffortName"] | null;
};

const efforts: readonly Schemas["EffortName"][] = ["low", "medium", "high", "xhigh", "max"];

/** What an agent can be told to make; every effort where it is not known which agent it will be. */
export function effortsOf(agent: Agent | undefined): readonly Schemas["EffortName"][] {
  return agent ? agent.efforts : efforts;
}

/** The models that are known by name of an agent; of all where it is not known which it will be. */
export function modelsOf(agents: readonly Agent[], agent: Agent | undefined): string[] {
  return [...new Set((agent ? [agent] : agents).flatMap(({ models }) => models.map(({ name }) => name)))];
}

/** What another agent changes: an effort that it cannot make and a model that only others know go with the old one. */
export function changedBy(
  agents: readonly Agent[],
  { model, effort }: AgentChoice,
  next: Agent["id"] | null,
): Partial<AgentChoice> {
  const agent = agents.find(({ id }) => id === next);
  const others = agent && model && modelsOf(agents, undefined).includes(model);
  return {
    agent: next,
    ...(others && !modelsOf(agents, agent).includes(model) ? { model: null } : {}),
    ...(effort && !effortsOf(agent).includes(effort) ? { effort: null } : {}),
  };
}

/** The agents of these that cannot look at pictures. */
export function blindOf(agents: readonly Agent[], asked: Iterable<string | null | undefined>): Agent[] {
  const names = new Set(asked);
  return agents.filter(({ id, capabilities }) => names.has(id) && !capabilities.images);
}

type Node = { agent?: string | null; nodes?: readonly Node[] };

/** The agents that the steps of a pipeline name. */
export function agentsOf(pipeline: readonly Node[] | undefined): string[] {
  return (pipeline ?? []).flatMap(({ agent, nodes }) => [...(agent ? [agent] : []), ...agentsOf(nodes)]);
}

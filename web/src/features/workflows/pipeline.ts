// The tree that a workflow holds, and every way to change it. Pure: a change gives back another tree, and where the node
// that it was about is in it.
//
// A node is named by its address: its place among its siblings, after the places of the loops around it. The server
// names the same node in its faults: `pipeline.0.nodes.1.role` is the field `role` of the node at [0, 1].
import type { Schemas } from "@/api/client";

export type Role = Schemas["PipelineStep"]["role"];
export type Step = {
  type: "step";
  role: Role;
  name?: string;
  agent?: Schemas["AgentName"];
  model?: string;
  effort?: Schemas["EffortName"];
  instructions?: string;
};
export type Loop = {
  type: "loop";
  nodes: Node[];
  maxIterations: number;
  onExhausted: "fail" | "continue";
  gate: "checks" | "verdict";
};
export type Node = Step | Loop;
export type Pipeline = Node[];
export type Address = readonly number[];

/** What came of a change: the tree, and the node to look at. */
export type Changed = { pipeline: Pipeline; at: Address };

export const roles: Role[] = [
  "designer",
  "checker",
  "optimizer",
  "prompter",
  "investigator",
  "planner",
  "deep-dive",
  "reviewer",
  "evaluator",
  "judge",
  "answerer",
  "custom",
];

export const step = (role: Role): Step => ({ type: "step", role });
export const loop = (nodes: Node[]): Loop => ({
  type: "loop",
  nodes,
  maxIterations: 3,
  onExhausted: "fail",
  gate: "checks",
});

/** What one begins a new workflow with. */
export const shapes = {
  single: () => [step("designer")],
  "designer-checker": () => [loop([step("designer"), step("checker")])],
  custom: () => [step("planner"), loop([step("designer"), step("checker")]), step("reviewer")],
} satisfies Record<string, () => Pipeline>;

/** The tree as the server gave it, with what it leaves out filled in. */
export function read(value: unknown): Pipeline {
  return (Array.isArray(value) ? value : []).map((node: Partial<Loop> & Partial<Step>): Node => {
    if ((node as { type?: string }).type === "loop") {
      return { ...loop(read(node.nodes)), ...pick(node as Partial<Loop>) };
    }
    return tidy({ ...(node as Step), type: "step" });
  });
}

function pick({ maxIterations, onExhausted, gate }: Partial<Loop>): Partial<Loop> {
  return {
    ...(maxIterations === undefined ? {} : { maxIterations }),
    ...(onExhausted ? { onExhausted } : {}),
    ...(gate ? { gate } : {}),
  };
}

/** Without what says nothing: the server takes an absent field, and no `null` in its place. */
function tidy<T extends Node>(node: T): T {
  return Object.fromEntries(
    Object.entries(node).filter(([, value]) => value !== null && value !== undefined && value !== ""),
  ) as T;
}

export function nodeAt(pipeline: Pipeline, at: Address): Node | undefined {
  const [first, ...rest] = at;
  const node = first === undefined ? undefined : pipeline[first];
  if (rest.length === 0) {
    return node;
  }
  return node?.type === "loop" ? nodeAt(node.nodes, rest) : undefined;
}

export const sameAddress = (one: Address, other: Address): boolean => one.join() === other.join();

/** The tree with other siblings where `at` is: what every change comes down to. */
function siblings(
  pipeline: Pipeline,
  at: Address,
  change: (nodes: Node[], index: number) => Node[],
): Pipeline {
  const [first = 0, ...rest] = at;
  if (rest.length === 0) {
    return change(pipeline, first);
  }
  return pipeline.map((node, index) =>
    index === first && node.type === "loop" ? { ...node, nodes: siblings(node.nodes, rest, change) } : node,
  );
}

const parentOf = (at: Address): Address => at.slice(0, -1);
const last = (at: Address): number => at.at(-1) ?? 0;
const beside = (at: Address, by: number): Address => [...parentOf(at), last(at) + by];

/** Other values in a node. */
export function update(pipeline: Pipeline, at: Address, change: Partial<Step> | Partial<Loop>): Pipeline {
  return siblings(pipeline, at, (nodes, index) =>
    nodes.map((node, place) => (place === index ? tidy({ ...node, ...change } as Node) : node)),
  );
}

/** A node more, at this place: what was there and after it moves down. */
export function insert(pipeline: Pipeline, at: Address, node: Node): Changed {
  return { pipeline: siblings(pipeline, at, (nodes, index) => nodes.toSpliced(index, 0, node)), at };
}

export function insertAfter(pipeline: Pipeline, at: Address | undefined, node: Node): Changed {
  return insert(pipeline, at ? beside(at, 1) : [pipeline.length], node);
}

/** A node less. A loop that would be left empty goes with it, since none may be. */
export function remove(pipeline: Pipeline, at: Address): Changed {
  const parent = nodeAt(pipeline, parentOf(at));
  if (parent?.type === "loop" && parent.nodes.length === 1) {
    return remove(pipeline, parentOf(at));
  }
  const next = siblings(pipeline, at, (nodes, index) => nodes.toSpliced(index, 1));
  const near = [at, beside(at, -1), parentOf(at)].find((address) => nodeAt(next, address));
  return { pipeline: next, at: near ?? [] };
}

export function duplicate(pipeline: Pipeline, at: Address): Changed | undefined {
  const node = nodeAt(pipeline, at);
  return node && insertAfter(pipeline, at, structuredClone(node));
}

/** One place up or down among its siblings. */
export function move(pipeline: Pipeline, at: Address, by: -1 | 1): Changed | undefined {
  const node = nodeAt(pipeline, at);
  const to = beside(at, by);
  if (!node || !nodeAt(pipeline, to)) {
    return undefined;
  }
  return {
    pipeline: siblings(pipeline, at, (nodes, index) =>
      nodes.toSpliced(index, 1).toSpliced(last(to), 0, node),
    ),
    at: to,
  };
}

/** Into the loop before it, as its last; or, when there is none, the one after it, as its first. */
export function intoLoop(pipeline: Pipeline, at: Address): Changed | undefined {
  const node = nodeAt(pipeline, at);
  if (!node) {
    return undefined;
  }
  const [before, after] = [nodeAt(pipeline, beside(at, -1)), nodeAt(pipeline, beside(at, 1))];
  const without = siblings(pipeline, at, (nodes, index) => nodes.toSpliced(index, 1));
  if (before?.type === "loop") {
    return insert(without, [...beside(at, -1), before.nodes.length], node);
  }
  // Once it is gone, the loop that was after it is where it was.
  return after?.type === "loop" ? insert(without, [...at, 0], node) : undefined;
}

/** Out of its loop, to right after it. A loop that would be left empty goes. */
export function outOfLoop(pipeline: Pipeline, at: Address): Changed | undefined {
  const node = nodeAt(pipeline, at);
  const parent = nodeAt(pipeline, parentOf(at));
  if (!node || parent?.type !== "loop") {
    return undefined;
  }
  if (parent.nodes.length === 1) {
    const place = parentOf(at);
    return { pipeline: siblings(pipeline, place, (nodes, index) => nodes.with(index, node)), at: place };
  }
  const without = siblings(pipeline, at, (nodes, index) => nodes.toSpliced(index, 1));
  return insert(without, beside(parentOf(at), 1), node);
}

/** A loop around it. */
export function wrap(pipeline: Pipeline, at: Address): Changed | undefined {
  const node = nodeAt(pipeline, at);
  return (
    node && {
      pipeline: siblings(pipeline, at, (nodes, index) => nodes.with(index, loop([node]))),
      at: [...at, 0],
    }
  );
}

/** What is in a loop, in its place. */
export function unwrap(pipeline: Pipeline, at: Address): Changed | undefined {
  const node = nodeAt(pipeline, at);
  return node?.type === "loop"
    ? { pipeline: siblings(pipeline, at, (nodes, index) => nodes.toSpliced(index, 1, ...node.nodes)), at }
    : undefined;
}

export type Row = { node: Node; at: Address; level: number; place: number; of: number; open: boolean };

/** What is seen of the tree as a list, with closed loops as one row. */
export function rows(
  pipeline: Pipeline,
  closed: ReadonlySet<string> = new Set(),
  around: Address = [],
): Row[] {
  return pipeline.flatMap((node, index) => {
    const at = [...around, index];
    const open = node.type === "loop" && !closed.has(at.join());
    const row: Row = { node, at, level: at.length, place: index + 1, of: pipeline.length, open };
    return node.type === "loop" && open ? [row, ...rows(node.nodes, closed, at)] : [row];
  });
}

export function countSteps(pipeline: Pipeline): number {
  return pipeline.reduce((sum, node) => sum + (node.type === "step" ? 1 : countSteps(node.nodes)), 0);
}

export type Fault = { at: Address; field: string; message: string };

/** A fault of the server's, by the node and the field it is about. */
export function fault({ path, message }: Schemas["PipelineFault"]): Fault {
  const at: number[] = [];
  const words = path.split(".").slice(1);
  while (words.length > 0 && /^\d+$/.test(words[0] ?? "")) {
    at.push(Number(words.shift()));
    if (words[0] === "nodes" && words.length > 1) {
      words.shift();
    }
  }
  return { at, field: words.join("."), message };
}

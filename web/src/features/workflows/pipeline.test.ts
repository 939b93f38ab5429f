import { describe, expect, test } from "vitest";
import {
  countSteps,
  duplicate,
  fault,
  insertAfter,
  intoLoop,
  loop,
  move,
  nodeAt,
  outOfLoop,
  type Pipeline,
  read,
  remove,
  rows,
  step,
  unwrap,
  update,
  wrap,
} from "./pipeline";

/** A tree in a line: roles, and loops in brackets. */
const said = (pipeline: Pipeline | undefined): string =>
  pipeline?.map((node) => (node.type === "step" ? node.role : `[${said(node.nodes)}]`)).join(" ") ?? "none";

const tree: Pipeline = [step("planner"), loop([step("designer"), step("checker")]), step("reviewer")];

describe("changing a pipeline", () => {
  test("never changes the tree that was there", () => {
    const before = structuredClone(tree);
    move(tree, [1, 0], 1);
    remove(tree, [1, 0]);
    update(tree, [1], { maxIterations: 5 });
    wrap(tree, [0]);
    expect(tree).toEqual(before);
  });

  test("puts a step after another one, in its loop too, and at the end when none is chosen", () => {
    expect(said(insertAfter(tree, [1, 0], step("optimizer")).pipeline)).toBe(
      "planner [designer optimizer checker] reviewer",
    );
    const { pipeline, at } = insertAfter(tree, undefined, step("judge"));
    expect(said(pipeline)).toBe("planner [designer checker] reviewer judge");
    expect(nodeAt(pipeline, at)).toEqual(step("judge"));
  });

  test("takes a step away, and looks at what is near", () => {
    expect(remove(tree, [2])).toMatchObject({ at: [1] });
    expect(said(remove(tree, [1, 1]).pipeline)).toBe("planner [designer] reviewer");
    expect(remove(tree, [1, 1]).at).toEqual([1, 0]);
  });

  test("takes a loop away with its last step, since no loop may be empty", () => {
    const one = remove(tree, [1, 1]).pipeline;
    expect(said(remove(one, [1, 0]).pipeline)).toBe("planner reviewer");
    expect(said(remove([step("designer")], [0]).pipeline)).toBe("");
  });

  test("moves among siblings, and not beyond them", () => {
    expect(said(move(tree, [1], -1)?.pipeline)).toBe("[designer checker] planner reviewer");
    expect(move(tree, [1, 1], 1)).toBeUndefined();
    expect(move(tree, [0], -1)).toBeUndefined();
  });

  test("moves into the loop before it, or after it, and out again", () => {
    const into = intoLoop(tree, [2]);
    expect(said(into?.pipeline)).toBe("planner [designer checker reviewer]");
    expect(into?.at).toEqual([1, 2]);
    expect(said(outOfLoop(into?.pipeline ?? [], [1, 2])?.pipeline)).toBe(said(tree));
    const first = intoLoop(tree, [0]);
    expect(said(first?.pipeline)).toBe("[planner designer checker] reviewer");
    expect(first?.at).toEqual([0, 0]);
    expect(intoLoop([step("designer")], [0])).toBeUndefined();
    expect(outOfLoop(tree, [0])).toBeUndefined();
  });

  test("leaves no empty loop behind when its last step moves out", () => {
    expect(said(outOfLoop([loop([step("designer")])], [0, 0])?.pipeline)).toBe("designer");
  });

  test("puts a loop around a step, and takes one away without what is in it", () => {
    const around = wrap(tree, [0]);
    expect(said(around?.pipeline)).toBe("[planner] [designer checker] reviewer");
    expect(around?.at).toEqual([0, 0]);
    expect(said(unwrap(tree, [1])?.pipeline)).toBe("planner designer checker reviewer");
    expect(unwrap(tree, [0])).toBeUndefined();
  });

  test("makes a second one that is its own", () => {
    const twice = duplicate(tree, [1]);
    expect(said(twice?.pipeline)).toBe("planner [designer checker] [designer checker] reviewer");
    const changed = update(twice?.pipeline ?? [], [2, 0], { role: "custom" });
    expect(said(changed)).toBe("planner [designer checker] [custom checker] reviewer");
  });

  test("an emptied field is left out, as the server wants it", () => {
    const named = update(tree, [0], { name: "Plan", model: "m" });
    expect(nodeAt(named, [0])).toEqual({ type: "step", role: "planner", name: "Plan", model: "m" });
    const emptied = update(named, [0], { name: "" });
    expect(nodeAt(emptied, [0])).toEqual({ type: "step", role: "planner", model: "m" });
  });
});

test("what the server leaves out of a loop is filled in, so that nothing seems changed", () => {
  expect(read([{ type: "loop", nodes: [{ type: "step", role: "designer", agent: null }] }])).toEqual([
    loop([step("designer")]),
  ]);
});

test("the rows of the outline know their level and place, and a closed loop hides what is in it", () => {
  expect(rows(tree).map(({ at, level, place, of }) => [at.join("."), level, place, of])).toEqual([
    ["0", 1, 1, 3],
    ["1", 1, 2, 3],
    ["1.0", 2, 1, 2],
    ["1.1", 2, 2, 2],
    ["2", 1, 3, 3],
  ]);
  expect(rows(tree, new Set(["1"]))).toHaveLength(3);
  expect(countSteps(tree)).toBe(4);
});

test("a fault is found by its path", () => {
  expect(fault({ path: "pipeline.1.nodes.0.role", message: "m" })).toEqual({
    at: [1, 0],
    field: "role",
    message: "m",
  });
  expect(fault({ path: "pipeline.1.nodes", message: "m" })).toMatchObject({ at: [1], field: "nodes" });
  expect(fault({ path: "pipeline.1.nodes.0.nodes.3.maxIterations", message: "m" })).toMatchObject({
    at: [1, 0, 3],
    field: "maxIterations",
  });
  expect(fault({ path: "pipeline", message: "m" })).toMatchObject({ at: [], field: "" });
});

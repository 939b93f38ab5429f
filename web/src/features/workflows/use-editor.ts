// What happens in the editor of a pipeline: what is chosen, what was done, and how it is undone.
import { useState } from "react";
import * as tree from "./pipeline";

type Moment = { pipeline: tree.Pipeline; at: tree.Address | undefined };

/** How many changes can be undone. */
const REMEMBERED = 100;

export type Editor = ReturnType<typeof useEditor>;

export function useEditor(
  pipeline: tree.Pipeline,
  onChange: (pipeline: tree.Pipeline) => void,
  fixed: boolean,
) {
  const [at, choose] = useState<tree.Address | undefined>(pipeline.length > 0 ? [0] : undefined);
  const [past, setPast] = useState<Moment[]>([]);
  const [future, setFuture] = useState<Moment[]>([]);
  const node = at && tree.nodeAt(pipeline, at);

  const become = (next: tree.Changed | undefined) => {
    if (!next || fixed) {
      return;
    }
    setPast([...past, { pipeline, at }].slice(-REMEMBERED));
    setFuture([]);
    onChange(next.pipeline);
    choose(next.at.length > 0 ? next.at : undefined);
  };
  const travel = (from: Moment[], leave: (rest: Moment[]) => void, into: (to: Moment) => void) => {
    const to = from.at(-1);
    if (to) {
      leave(from.slice(0, -1));
      into({ pipeline, at });
      onChange(to.pipeline);
      choose(to.at);
    }
  };
  return {
    pipeline,
    fixed,
    at: node ? at : undefined,
    node,
    choose,
    /** Writing in a field is one change, not one for each letter: what is undone is what a person did. */
    update: (where: tree.Address, change: Partial<tree.Step> | Partial<tree.Loop>) => {
      const next = tree.update(pipeline, where, change);
      if (fixed) {
        return;
      }
      const before = past.at(-1);
      const writing =
        before?.at &&
        tree.sameAddress(before.at, where) &&
        tree.countSteps(before.pipeline) === tree.countSteps(pipeline);
      if (!writing || future.length > 0) {
        setPast([...past, { pipeline, at: where }].slice(-REMEMBERED));
      }
      setFuture([]);
      onChange(next);
    },
    addStep: (after: tree.Address | undefined, role: tree.Role = "designer") =>
      become(tree.insertAfter(pipeline, after, tree.step(role))),
    addStepAt: (where: tree.Address) => become(tree.insert(pipeline, where, tree.step("designer"))),
    addLoop: (after: tree.Address | undefined) =>
      become(tree.insertAfter(pipeline, after, tree.loop([tree.step("designer"), tree.step("checker")]))),
    remove: (where: tree.Address) => become(tree.remove(pipeline, where)),
    duplicate: (where: tree.Address) => become(tree.duplicate(pipeline, where)),
    move: (where: tree.Address, by: -1 | 1) => become(tree.move(pipeline, where, by)),
    intoLoop: (where: tree.Address) => become(tree.intoLoop(pipeline, where)),
    outOfLoop: (where: tree.Address) => become(tree.outOfLoop(pipeline, where)),
    wrap: (where: tree.Address) => become(tree.wrap(pipeline, where)),
    unwrap: (where: tree.Address) => become(tree.unwrap(pipeline, where)),
    undo: past.length > 0 ? () => travel(past, setPast, (now) => setFuture([...future, now])) : undefined,
    redo: future.length > 0 ? () => travel(future, setFuture, (now) => setPast([...past, now])) : undefined,
    /** After another pipeline was put in its place. */
    forget: () => {
      setPast([]);
      setFuture([]);
    },
  };
}

import { act, renderHook } from "@testing-library/react";
import { useState } from "react";
import { expect, test } from "vitest";
import { type Pipeline, step } from "./pipeline";
import { useEditor } from "./use-editor";

function editing(begin: Pipeline, fixed = false) {
  return renderHook(() => {
    const [pipeline, setPipeline] = useState(begin);
    return useEditor(pipeline, setPipeline, fixed);
  }).result;
}

const roles = (pipeline: Pipeline) =>
  pipeline.map((node) => (node.type === "step" ? node.role : "loop")).join(" ");

test("what was done is undone and done again, with what was chosen", () => {
  const editor = editing([step("designer")]);
  act(() => editor.current.addStep([0], "checker"));
  expect(roles(editor.current.pipeline)).toBe("designer checker");
  expect(editor.current.at).toEqual([1]);
  act(() => editor.current.undo?.());
  expect(roles(editor.current.pipeline)).toBe("designer");
  expect(editor.current.at).toEqual([0]);
  act(() => editor.current.redo?.());
  expect(roles(editor.current.pipeline)).toBe("designer checker");
  expect(editor.current.redo).toBeUndefined();
});

test("writing in a field is undone at once, not letter by letter", () => {
  const editor = editing([step("designer")]);
  for (const name of ["B", "Bu", "Bui", "Build"]) {
    act(() => editor.current.update([0], { name }));
  }
  expect(editor.current.node).toMatchObject({ name: "Build" });
  act(() => editor.current.undo?.());
  expect(editor.current.node).toEqual(step("designer"));
  expect(editor.current.undo).toBeUndefined();
});

test("another change after undoing takes the place of what was undone", () => {
  const editor = editing([step("designer")]);
  act(() => editor.current.addStep([0], "checker"));
  act(() => editor.current.undo?.());
  act(() => editor.current.addStep([0], "reviewer"));
  expect(editor.current.redo).toBeUndefined();
  expect(roles(editor.current.pipeline)).toBe("designer reviewer");
});

test("what ships is not changed", () => {
  const editor = editing([step("designer")], true);
  act(() => editor.current.addStep([0]));
  act(() => editor.current.update([0], { name: "Mine" }));
  act(() => editor.current.remove([0]));
  expect(editor.current.pipeline).toEqual([step("designer")]);
});

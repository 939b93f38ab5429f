import { expect, test } from "vitest";
import { filesOf, fileTree, type TreeNode } from "./file-tree";

const shown = (nodes: readonly TreeNode<{ path: string }>[]): unknown[] =>
  nodes.map((node) => (node.kind === "file" ? node.name : [node.name, ...shown(node.children)]));

test("folders come first, and one that holds only another is one with it", () => {
  const tree = fileTree(
    ["README.md", "src/main.rs", "src/api/v1/runs.rs", "src/api/v1/steps.rs", "docs/a/b/c.md"].map(
      (path) => ({
        path,
      }),
    ),
  );
  expect(shown(tree)).toEqual([
    ["docs/a/b", "c.md"],
    ["src", ["api/v1", "runs.rs", "steps.rs"], "main.rs"],
    "README.md",
  ]);
  expect(filesOf(tree).map((file) => file.path)).toEqual([
    "docs/a/b/c.md",
    "src/api/v1/runs.rs",
    "src/api/v1/steps.rs",
    "src/main.rs",
    "README.md",
  ]);
});

test("a file and a folder of one name are two things", () => {
  expect(shown(fileTree([{ path: "a" }, { path: "a/b" }]))).toEqual([["a", "b"], "a"]);
});

// The files of a change as a tree of folders, folders with a single folder in them as one. Pure.

export type TreeNode<File> =
  | { kind: "folder"; name: string; path: string; children: TreeNode<File>[] }
  | { kind: "file"; name: string; path: string; file: File };

export function fileTree<File extends { path: string }>(files: readonly File[]): TreeNode<File>[] {
  const root: TreeNode<File>[] = [];
  for (const file of files) {
    const parts = file.path.split("/");
    let place = root;
    for (const [depth, name] of parts.slice(0, -1).entries()) {
      const path = parts.slice(0, depth + 1).join("/");
      let folder = place.find((node) => node.kind === "folder" && node.name === name);
      if (folder?.kind !== "folder") {
        folder = { kind: "folder", name, path, children: [] };
        place.push(folder);
      }
      place = folder.children;
    }
    place.push({ kind: "file", name: parts.at(-1) ?? "", path: file.path, file });
  }
  return inOrder(root);
}

function inOrder<File>(nodes: TreeNode<File>[]): TreeNode<File>[] {
  return nodes
    .map((node) => {
      if (node.kind === "file") {
        return node;
      }
      const children = inOrder(node.children);
      const only = children.length === 1 ? children[0] : undefined;
      return only?.kind === "folder" ? { ...only, name: `${node.name}/${only.name}` } : { ...node, children };
    })
    .toSorted((one, other) =>
      one.kind === other.kind ? (one.name < other.name ? -1 : 1) : one.kind === "folder" ? -1 : 1,
    );
}

/** The files in the order in which the tree shows them. */
export function filesOf<File>(nodes: readonly TreeNode<File>[]): File[] {
  return nodes.flatMap((node) => (node.kind === "file" ? [node.file] : filesOf(node.children)));
}

// Paths below the repository of a sandbox.

/** The path of something in a folder. */
export function pathIn(folder: string, name: string): string {
  return folder ? `${folder}/${name}` : name;
}

/** The folder that something is in; empty for the repository. */
export function parentOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

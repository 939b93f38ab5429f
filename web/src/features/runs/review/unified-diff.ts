// Reads a unified diff as Git writes it. Pure.

export type DiffLine = {
  kind: "context" | "added" | "removed" | "note";
  text: string;
  before?: number;
  after?: number;
};
export type Hunk = { header: string; lines: DiffLine[] };
export type FileDiff = {
  path: string;
  hunks: Hunk[];
  binary: boolean;
  /** Not all of its text is here. */
  partial?: boolean;
};

export function readUnifiedDiff(text: string): FileDiff[] {
  const files: FileDiff[] = [];
  let file: FileDiff | undefined;
  let hunk: Hunk | undefined;
  let [before, after] = [0, 0];
  for (const line of text.split("\n")) {
    if (line.startsWith("diff --git ")) {
      file = { path: pathOf(line), hunks: [], binary: false };
      hunk = undefined;
      files.push(file);
      continue;
    }
    if (!file) {
      continue;
    }
    const header = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)$/.exec(line);
    if (header) {
      [before, after] = [Number(header[1]), Number(header[2])];
      hunk = { header: header[3]?.trim() ?? "", lines: [] };
      file.hunks.push(hunk);
    } else if (!hunk) {
      const name = /^(?:\+\+\+ b\/|rename to )(.+?)\t?$/.exec(line);
      file.path = name?.[1] ? unquoted(name[1]) : file.path;
      file.binary ||= line.startsWith("Binary files ") || line === "GIT binary patch";
    } else if (line.startsWith("+")) {
      hunk.lines.push({ kind: "added", text: line.slice(1), after: after++ });
    } else if (line.startsWith("-")) {
      hunk.lines.push({ kind: "removed", text: line.slice(1), before: before++ });
    } else if (line.startsWith(" ")) {
      hunk.lines.push({ kind: "context", text: line.slice(1), before: before++, after: after++ });
    } else if (line.startsWith("\\")) {
      hunk.lines.push({ kind: "note", text: line.slice(2) });
    }
  }
  return files;
}

/** `diff --git a/x b/x`: the name is the same twice, unless it was renamed, which another line says. */
function pathOf(line: string): string {
  const names = line.slice("diff --git ".length);
  const half = names.slice(Math.ceil(names.length / 2));
  return unquoted(half.replace(/^"?b\//, ""));
}

/** Git puts names with unusual characters in quotes, their bytes in octal. */
function unquoted(name: string): string {
  if (!name.startsWith('"') && !name.endsWith('"')) {
    return name;
  }
  const bytes: number[] = [];
  const inner = name.replace(/^"/, "").replace(/"$/, "").replace(/^b\//, "");
  for (let at = 0; at < inner.length; at++) {
    const octal = inner[at] === "\\" ? /^[0-7]{3}/.exec(inner.slice(at + 1)) : null;
    if (octal) {
      bytes.push(Number.parseInt(octal[0], 8));
      at += 3;
    } else if (inner[at] === "\\") {
      at += 1;
      bytes.push(({ n: 10, t: 9, r: 13 } as Record<string, number>)[inner[at] ?? ""] ?? inner.charCodeAt(at));
    } else {
      bytes.push(...new TextEncoder().encode(inner[at]));
    }
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}

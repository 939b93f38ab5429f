// What differs inside of two lines, word by word. Pure.

export type Piece = { text: string; changed: boolean };

/** Beyond this many comparisons the middle of both lines counts as changed: the work must not freeze the page. */
const MOST = 40_000;

/** The pieces of both lines; nothing when they have too little in common for that to help anybody. */
export function wordDiff(before: string, after: string): { before: Piece[]; after: Piece[] } | undefined {
  const [old, fresh] = [words(before), words(after)];
  let head = 0;
  while (head < old.length && head < fresh.length && old[head] === fresh[head]) {
    head++;
  }
  let tail = 0;
  while (
    tail < old.length - head &&
    tail < fresh.length - head &&
    old[old.length - 1 - tail] === fresh[fresh.length - 1 - tail]
  ) {
    tail++;
  }
  const [keptOld, keptFresh] = common(
    old.slice(head, old.length - tail),
    fresh.slice(head, fresh.length - tail),
  );
  const mark = (all: string[], kept: ReadonlySet<number>) =>
    joined(
      all.map((text, index) => ({
        text,
        changed: index >= head && index < all.length - tail && !kept.has(index - head),
      })),
    );
  const result = { before: mark(old, keptOld), after: mark(fresh, keptFresh) };
  const same = result.before.reduce((sum, piece) => sum + (piece.changed ? 0 : ink(piece.text)), 0);
  return same * 3 >= Math.max(ink(before), ink(after)) ? result : undefined;
}

function words(line: string): string[] {
  return line.match(/[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu) ?? [];
}

/** Which words of both are the longest sequence that they share. */
function common(one: string[], other: string[]): [ReadonlySet<number>, ReadonlySet<number>] {
  const [kept, keptOther] = [new Set<number>(), new Set<number>()];
  if (one.length * other.length > MOST) {
    return [kept, keptOther];
  }
  const width = other.length + 1;
  const lengths = new Uint16Array((one.length + 1) * width);
  const at = (row: number, column: number) => lengths[row * width + column] ?? 0;
  for (let row = one.length - 1; row >= 0; row--) {
    for (let column = other.length - 1; column >= 0; column--) {
      lengths[row * width + column] =
        one[row] === other[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  let [row, column] = [0, 0];
  while (row < one.length && column < other.length) {
    if (one[row] === other[column]) {
      kept.add(row++);
      keptOther.add(column++);
    } else if (at(row + 1, column) >= at(row, column + 1)) {
      row++;
    } else {
      column++;
    }
  }
  return [kept, keptOther];
}

function joined(pieces: Piece[]): Piece[] {
  const result: Piece[] = [];
  for (const piece of pieces) {
    const last = result.at(-1);
    if (last?.changed === piece.changed) {
      last.text += piece.text;
    } else {
      result.push({ ...piece });
    }
  }
  return result;
}

/** How much there is to read in a text. */
function ink(text: string): number {
  return text.replace(/\s/g, "").length;
}

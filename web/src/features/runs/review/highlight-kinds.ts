// What the parts of a line of code are, as the colours tell them apart. Pure.

export const kinds = ["comment", "keyword", "string", "number", "function", "type", "attribute"] as const;
export type Kind = (typeof kinds)[number];

/** A part of a line: it goes on to the character `end`, which it does not include. */
export type Token = { end: number; kind: Kind | undefined };

/**
 * The parts of all lines of a text in a few numbers, which pass from a worker to the page without being copied: for each
 * part its line, its end and the place of its kind among `kinds`, from 1 on.
 */
export type Packed = Uint32Array<ArrayBuffer>;

export function packed(lines: readonly Token[][]): Packed {
  return Uint32Array.from(
    lines.flatMap((tokens, line) =>
      tokens.flatMap(({ end, kind }) => [line, end, kind ? kinds.indexOf(kind) + 1 : 0]),
    ),
  );
}

/** Where each line begins in what was packed. */
export function beginnings(all: Packed): Map<number, number> {
  const found = new Map<number, number>();
  for (let at = 0; at < all.length; at += 3) {
    const line = all[at] ?? 0;
    if (!found.has(line)) {
      found.set(line, at);
    }
  }
  return found;
}

/** The parts of the line that begins there. */
export function unpacked(all: Packed, from: number): Token[] {
  const tokens: Token[] = [];
  for (let at = from; at < all.length && all[at] === all[from]; at += 3) {
    tokens.push({ end: all[at + 1] ?? 0, kind: kinds[(all[at + 2] ?? 0) - 1] });
  }
  return tokens;
}

/** The names that the highlighter gives to what it finds, by their beginnings. What is not here has no colour. */
const named: Record<string, Kind> = {
  comment: "comment",
  quote: "comment",
  doctag: "comment",
  keyword: "keyword",
  "selector-tag": "keyword",
  tag: "keyword",
  section: "keyword",
  meta: "keyword",
  string: "string",
  regexp: "string",
  link: "string",
  number: "number",
  literal: "number",
  symbol: "number",
  bullet: "number",
  title: "function",
  name: "function",
  "selector-id": "function",
  "selector-class": "function",
  type: "type",
  built_in: "type",
  attr: "attribute",
  attribute: "attribute",
  property: "attribute",
  variable: "attribute",
  "template-variable": "attribute",
};

/**
 * The lines of what the highlighter wrote, which is the text in HTML with a `span` around each part that it knows. Nothing
 * of that HTML is ever shown: a line's text stays what the server said, and only the places and kinds are taken from here.
 */
export function linesOf(html: string): Token[][] {
  const lines: Token[][] = [[]];
  const open: (Kind | undefined)[] = [];
  let column = 0;
  const say = (length: number) => {
    const line = lines.at(-1);
    const kind = open.at(-1);
    column += length;
    const last = line?.at(-1);
    if (last && last.kind === kind) {
      last.end = column;
    } else if (length > 0) {
      line?.push({ end: column, kind });
    }
  };
  for (const [part, name] of html.matchAll(/<span class="([^"]*)">|<\/span>|\n|&[#\w]+;|[^<\n&]+/g)) {
    if (name !== undefined) {
      // What has no colour of its own has that of what it is in.
      open.push(kindOf(name) ?? open.at(-1));
    } else if (part === "</span>") {
      open.pop();
    } else if (part === "\n") {
      lines.push([]);
      column = 0;
    } else {
      say(part.startsWith("&") ? 1 : part.length);
    }
  }
  return lines;
}

/** `hljs-title function_` is a title. */
function kindOf(name: string): Kind | undefined {
  return named[name.split(" ")[0]?.replace("hljs-", "") ?? ""];
}

export type Part = { text: string; kind: Kind | undefined; changed: boolean };

/** The parts of a line by its colours and by the words of it that changed, at once. */
export function partsOf(
  text: string,
  tokens: readonly Token[],
  pieces: readonly { text: string; changed: boolean }[],
): Part[] {
  const parts: Part[] = [];
  let [at, token, piece, pieceEnd] = [0, 0, 0, pieces[0]?.text.length ?? text.length];
  while (at < text.length) {
    while ((tokens[token]?.end ?? text.length) <= at && token < tokens.length) {
      token++;
    }
    while (pieceEnd <= at && piece < pieces.length - 1) {
      piece++;
      pieceEnd += pieces[piece]?.text.length ?? 0;
    }
    const end = Math.min(
      text.length,
      tokens[token]?.end ?? text.length,
      pieceEnd > at ? pieceEnd : text.length,
    );
    parts.push({
      text: text.slice(at, end),
      kind: tokens[token]?.kind,
      changed: pieces[piece]?.changed ?? false,
    });
    at = end;
  }
  return parts;
}

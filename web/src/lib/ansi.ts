// Colours of terminals, as text with styles. Every other control sequence is dropped: it is input that nobody vouches for.

export type Span = { text: string; className: string };

const colours = [
  "",
  "text-red-700 dark:text-red-400",
  "text-green-700 dark:text-green-400",
  "text-amber-700 dark:text-amber-300",
  "text-blue-700 dark:text-blue-400",
  "text-fuchsia-700 dark:text-fuchsia-400",
  "text-cyan-700 dark:text-cyan-300",
  "",
];

const sequence =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  /\u001b\[([0-9;]*)m|\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])|[\u0000-\u0008\u000b-\u001f\u007f]/g;

export function ansi(input: string): Span[] {
  // A line that was written over shows what was written last.
  const written = input.replace(/\r\n/g, "\n").replace(/^.*\r(?!\n)/gm, "");
  const spans: Span[] = [];
  let bold = false;
  let dim = false;
  let colour = 0;
  let from = 0;
  const take = (text: string) => {
    if (text) {
      const className = [bold && "font-semibold", dim && "opacity-70", colours[colour]]
        .filter(Boolean)
        .join(" ");
      const last = spans.at(-1);
      if (last?.className === className) {
        last.text += text;
      } else {
        spans.push({ text, className });
      }
    }
  };
  for (const match of written.matchAll(sequence)) {
    take(written.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[1] === undefined) {
      continue;
    }
    for (const code of codes(match[1])) {
      if (code === 0) {
        bold = false;
        dim = false;
        colour = 0;
      } else if (code === 1) {
        bold = true;
      } else if (code === 2) {
        dim = true;
      } else if (code === 22) {
        bold = false;
        dim = false;
      } else if (code === 39) {
        colour = 0;
      } else if (code >= 30 && code <= 37) {
        colour = code - 30;
      } else if (code >= 90 && code <= 97) {
        colour = code - 90;
      }
    }
  }
  take(written.slice(from));
  return spans;
}

/** The numbers of a sequence, without those that say a colour beyond the usual ones. */
function codes(text: string): number[] {
  const numbers = text.split(";").map(Number);
  const kept: number[] = [];
  for (let at = 0; at < numbers.length; at++) {
    const code = numbers[at] ?? 0;
    if (code === 38 || code === 48) {
      at += numbers[at + 1] === 5 ? 2 : 4;
    } else {
      kept.push(code);
    }
  }
  return kept;
}

// Names and texts out of a sandbox, in which nothing is invisible and nothing turns the line around.

/** What controls a terminal or the direction of writing, or is not seen; line breaks and tabs are what they look like. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const unseen = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

function marked(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) {
    return String.fromCharCode(0x2400 + code);
  }
  return code === 0x7f ? "␡" : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** A name in one line: what could hide something in it is written out. */
export function shownName(name: string): string {
  return name.replace(unseen, marked);
}

/** A text of many lines, treated likewise. */
export function shownText(text: string): string {
  return text
    .replace(/\r\n/g, "\n")
    .replace(unseen, (character) =>
      character === "\n" || character === "\t" ? character : marked(character),
    );
}

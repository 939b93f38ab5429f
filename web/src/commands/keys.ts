// Reading shortcuts: `mod+k` is Command on a Mac and Control elsewhere, `g r` is one key after the other.

const isMac = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent);

type Pressed = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">;

/** Whether these keys are pressed now; `before` is the key before it, if it was just now. */
export function matches(keys: string, event: Pressed, before: string | undefined, typing: boolean): boolean {
  const parts = keys.split(" ");
  if (parts.length === 2) {
    return !typing && before === parts[0] && isKey(parts[1] ?? "", event);
  }
  // While somebody writes, only what no letter can be: a modifier.
  return (!typing || keys.includes("+")) && before === undefined && isKey(keys, event);
}

/** Whether this is the first of two keys. */
export function startsSequence(keys: string, event: Pressed): boolean {
  const parts = keys.split(" ");
  return parts.length === 2 && isKey(parts[0] ?? "", event);
}

/** The keys as people read them. */
export function shown(keys: string): string {
  const names: Record<string, string> = {
    mod: isMac ? "⌘" : "Ctrl",
    shift: isMac ? "⇧" : "Shift",
    enter: "↵",
    escape: "Esc",
  };
  return keys
    .split(/[ +]/)
    .map((key) => names[key] ?? (key.length === 1 ? key.toUpperCase() : key))
    .join(" ");
}

function isKey(text: string, event: Pressed): boolean {
  const parts = text.split("+");
  const key = parts.at(-1) ?? "";
  const mod = parts.includes("mod");
  const held = isMac ? event.metaKey : event.ctrlKey;
  const other = isMac ? event.ctrlKey : event.metaKey;
  // A sign like `?` takes Shift on most keyboards: only letters tell with and without.
  const shift = !/^[a-z]$/.test(key) || event.shiftKey === parts.includes("shift");
  return event.key.toLowerCase() === key && held === mod && !other && !event.altKey && shift;
}

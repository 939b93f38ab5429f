// How well an entry fits what was typed: every word must be somewhere in it, and the earlier the first one is, the better.
// The palette's own way, letters in any distance, finds too much among sentences.

export function byWords(entry: string, typed: string): number {
  const text = entry.toLowerCase();
  const places = typed
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => text.indexOf(word));
  const first = Math.min(...places);
  if (first < 0) {
    return 0;
  }
  return first === 0 ? 1 : text[first - 1] === " " ? 0.9 : 0.5;
}

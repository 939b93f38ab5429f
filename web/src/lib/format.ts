// Times and names as people read them, short and of a steady width.

/** Milliseconds as `820 ms`, `1.4 s`, `14 s`, `3 m 07 s`, `2 h 05 m`. */
export function duration(milliseconds: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 1) {
    return `${Math.round(seconds * 1000)} ms`;
  }
  if (seconds < 10) {
    return `${seconds.toFixed(1)} s`;
  }
  if (seconds < 60) {
    return `${Math.floor(seconds)} s`;
  }
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
  }
  return `${Math.floor(seconds / 3600)} h ${two((seconds % 3600) / 60)} m`;
}

/** The name of an attempt at a step, `designer#2` of the server, as the page of its run writes it. */
export function laneName(lane: string): string {
  return lane.replace(/#(\d+)$/, " #$1");
}

/** The part of an identifier that people read out: its last eight characters. */
export function shortId(id: string): string {
  return id.slice(-8);
}

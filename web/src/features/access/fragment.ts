/** What is behind the `#` of an address under a name: the part that browsers keep to themselves. */
export function fromFragment(name: string, fragment = location.hash): string {
  return new URLSearchParams(fragment.replace(/^#/, "")).get(name) ?? "";
}

const KEPT = "codecourier.fragment";

/**
 * Keeps what is behind the `#` of a place while one signs in on the way to it. It may be a code, and where one goes next
 * stands in an address that servers see. Kept in this tab only.
 */
export function keepFragment(place: string, fragment: string): void {
  if (fragment) {
    sessionStorage.setItem(KEPT, JSON.stringify({ place, fragment }));
  } else {
    sessionStorage.removeItem(KEPT);
  }
}

/** What was kept for that place, without the `#`; empty for none. */
export function keptFragment(place: string | undefined): string {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    return typeof kept === "object" &&
      kept !== null &&
      "place" in kept &&
      kept.place === place &&
      "fragment" in kept &&
      typeof kept.fragment === "string"
      ? kept.fragment
      : "";
  } catch {
    return "";
  }
}

/** As [`keptFragment`], and forgets it: it has served. */
export function takeFragment(place: string): string {
  const fragment = keptFragment(place);
  sessionStorage.removeItem(KEPT);
  return fragment;
}

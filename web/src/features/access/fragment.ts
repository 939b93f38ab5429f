/** What is behind the `#` of an address under a name: the part that browsers keep to themselves. */
export function fromFragment(name: string, fragment = location.hash): string {
  return new URLSearchParams(fragment.replace(/^#/, "")).get(name) ?? "";
}

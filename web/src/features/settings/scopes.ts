// What a key may do, as people choose it: for each kind of thing nothing, reading, or reading and writing.
import type { Schemas } from "@/api/client";

export type Access = "none" | "read" | "write";

export const resources = [
  "runs",
  "workflows",
  "sandboxes",
  "project",
  "settings",
  "members",
  "keys",
  "audit",
] as const;

export type Resource = (typeof resources)[number];
export type Scopes = Partial<Record<Resource, Access>>;

/** The scopes as the server takes them. Writing includes reading, so it is said alone. */
export function permissionsOf(scopes: Scopes): Schemas["Permission"][] {
  return resources.flatMap((resource) => {
    const access = scopes[resource] ?? "none";
    return access === "none" ? [] : [`${resource}:${access}` as const];
  });
}

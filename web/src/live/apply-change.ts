// What a change of the server means for what is kept here. The only place that knows.
import type { QueryClient } from "@tanstack/react-query";
import type { Schemas } from "@/api/client";
import { followRun } from "./runs-list";

type Change = Schemas["LiveChange"];

/** Which kept answers a change of a project makes old, by the kind of the thing that changed. */
const affected: Record<string, (slug: string, change: Change) => unknown[][]> = {
  project: (slug) => [["project", slug], ["projects"]],
  member: (slug) => [["members", slug]],
  invitation: (slug) => [["invitations", slug]],
  settings: (slug) => [["settings", slug]],
  variable: (slug) => [["variables", slug]],
  provider_key: (slug) => [["provider-keys", slug]],
  api_key: (slug) => [["keys", slug]],
  workflow: (slug) => [["workflows", slug]],
  sandbox: (slug) => [["sandboxes", slug]],
  run: (slug, change) => [
    ["run", slug, change.id],
    ["sandboxes", slug],
  ],
  step: (slug) => [
    ["run", slug],
    ["sandboxes", slug],
  ],
};

/** Reads again what a change of a project made old, if it is on the screen, and when it is shown again otherwise. */
export function applyProjectChange(client: QueryClient, slug: string, change: Change): void {
  for (const queryKey of affected[change.kind]?.(slug, change) ?? []) {
    void client.invalidateQueries({ queryKey });
  }
  if (change.kind === "run") {
    followRun(client, slug, change.id);
  }
}

/** The same for what concerns the person alone. */
export function applyUserChange(client: QueryClient, change: Change): void {
  switch (change.kind) {
    case "project":
    case "member":
      void client.invalidateQueries({ queryKey: ["projects"] });
      break;
    case "invitation":
      void client.invalidateQueries({ queryKey: ["own-invitations"] });
      break;
    case "account":
      void client.invalidateQueries({ queryKey: ["account"] });
      break;
    case "session":
      void client.invalidateQueries({ queryKey: ["sessions"] });
      break;
    default:
      break;
  }
}

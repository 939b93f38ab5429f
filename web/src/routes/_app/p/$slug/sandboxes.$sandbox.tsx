import { createFileRoute } from "@tanstack/react-router";
import * as v from "valibot";
import { runQuery, sandboxQuery } from "@/api/queries";
import { SandboxScreen } from "@/features/sandboxes/sandbox-screen";
import { RunTexts } from "@/i18n/run-texts";

const search = v.object({
  tab: v.fallback(v.optional(v.picklist(["transcript", "terminal", "files"])), undefined),
  folder: v.fallback(v.optional(v.string()), undefined),
  file: v.fallback(v.optional(v.string()), undefined),
});

export const Route = createFileRoute("/_app/p/$slug/sandboxes/$sandbox")({
  validateSearch: search,
  loader: async ({ context, params }) => {
    const sandbox = await context.queryClient.ensureQueryData(sandboxQuery(params.slug, params.sandbox));
    await context.queryClient.ensureQueryData(runQuery(params.slug, sandbox.runId));
  },
  component: () => (
    <RunTexts>
      <SandboxScreen {...Route.useParams()} search={Route.useSearch()} />
    </RunTexts>
  ),
});

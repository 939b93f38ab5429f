import { createFileRoute } from "@tanstack/react-router";
import * as z from "zod/mini";
import { runQuery, sandboxQuery } from "@/api/queries";
import { SandboxScreen } from "@/features/sandboxes/sandbox-screen";
import { RunTexts } from "@/i18n/run-texts";

const search = z.object({
  tab: z.catch(z.optional(z.enum(["transcript", "terminal", "files"])), undefined),
  folder: z.catch(z.optional(z.string()), undefined),
  file: z.catch(z.optional(z.string()), undefined),
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

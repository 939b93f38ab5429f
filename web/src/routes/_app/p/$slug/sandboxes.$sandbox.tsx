import { createFileRoute } from "@tanstack/react-router";
import { runQuery, sandboxQuery } from "@/api/queries";
import { SandboxScreen } from "@/features/sandboxes/sandbox-screen";
import { RunTexts } from "@/i18n/run-texts";

export const Route = createFileRoute("/_app/p/$slug/sandboxes/$sandbox")({
  loader: async ({ context, params }) => {
    const sandbox = await context.queryClient.ensureQueryData(sandboxQuery(params.slug, params.sandbox));
    await context.queryClient.ensureQueryData(runQuery(params.slug, sandbox.runId));
  },
  component: () => (
    <RunTexts>
      <SandboxScreen {...Route.useParams()} />
    </RunTexts>
  ),
});

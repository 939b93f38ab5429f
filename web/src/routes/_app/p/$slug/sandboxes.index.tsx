import { createFileRoute } from "@tanstack/react-router";
import { sandboxesQuery } from "@/api/queries";
import { SandboxesScreen } from "@/features/sandboxes/sandboxes-screen";
import { RunTexts } from "@/i18n/run-texts";

export const Route = createFileRoute("/_app/p/$slug/sandboxes/")({
  loader: ({ context, params }) => context.queryClient.ensureQueryData(sandboxesQuery(params.slug)),
  component: () => (
    <RunTexts>
      <SandboxesScreen slug={Route.useParams().slug} />
    </RunTexts>
  ),
});

import { createFileRoute } from "@tanstack/react-router";
import { workflowsQuery } from "@/api/queries";
import { WorkflowsScreen } from "@/features/workflows/workflows-screen";

export const Route = createFileRoute("/_app/p/$slug/workflows/")({
  loader: ({ context, params }) => context.queryClient.ensureQueryData(workflowsQuery(params.slug)),
  component: () => <WorkflowsScreen slug={Route.useParams().slug} />,
});

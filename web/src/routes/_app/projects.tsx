import { createFileRoute } from "@tanstack/react-router";
import { ownInvitationsQuery } from "@/api/queries";
import { ProjectsScreen } from "@/features/projects/projects-screen";

export const Route = createFileRoute("/_app/projects")({
  loader: ({ context }) => context.queryClient.ensureQueryData(ownInvitationsQuery),
  component: ProjectsScreen,
});

import { createFileRoute } from "@tanstack/react-router";
import { ownInvitationsQuery } from "@/api/queries";
import { InvitationScreen } from "@/features/invitations/invitation-screen";

export const Route = createFileRoute("/_app/invitations/$invitation")({
  loader: ({ context }) => context.queryClient.ensureQueryData(ownInvitationsQuery),
  component: () => <InvitationScreen id={Route.useParams().invitation} />,
});

import { createFileRoute } from "@tanstack/react-router";
import { membersQuery } from "@/api/queries";
import { MembersScreen } from "@/features/members/members-screen";

export const Route = createFileRoute("/_app/p/$slug/members")({
  loader: ({ context, params }) => context.queryClient.ensureQueryData(membersQuery(params.slug)),
  component: () => <MembersScreen slug={Route.useParams().slug} />,
});

import { createFileRoute } from "@tanstack/react-router";
import { sessionsQuery } from "@/api/queries";
import { AccountScreen } from "@/features/account/account-screen";

export const Route = createFileRoute("/_app/account")({
  loader: ({ context }) => context.queryClient.ensureQueryData(sessionsQuery),
  component: AccountScreen,
});

import { createFileRoute, redirect } from "@tanstack/react-router";
import { accountQuery, serverQuery } from "@/api/queries";
import { SignUpScreen } from "@/features/access/sign-up-screen";

export const Route = createFileRoute("/sign-up")({
  beforeLoad: async ({ context }) => {
    await context.queryClient.ensureQueryData(serverQuery);
    if (await context.queryClient.ensureQueryData(accountQuery)) {
      throw redirect({ to: "/" });
    }
  },
  component: SignUpScreen,
});

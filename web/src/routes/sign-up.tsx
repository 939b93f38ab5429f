import { createFileRoute, redirect } from "@tanstack/react-router";
import * as v from "valibot";
import { accountQuery, serverQuery } from "@/api/queries";
import { SignUpScreen } from "@/features/access/sign-up-screen";

const search = v.object({ next: v.fallback(v.optional(v.string()), undefined) });

export const Route = createFileRoute("/sign-up")({
  validateSearch: search,
  beforeLoad: async ({ context }) => {
    await context.queryClient.ensureQueryData(serverQuery);
    if (await context.queryClient.ensureQueryData(accountQuery)) {
      throw redirect({ to: "/" });
    }
  },
  component: () => <SignUpScreen next={Route.useSearch().next} />,
});

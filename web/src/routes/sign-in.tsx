import { createFileRoute, redirect } from "@tanstack/react-router";
import * as v from "valibot";
import { accountQuery, serverQuery } from "@/api/queries";
import { SignInScreen } from "@/features/access/sign-in-screen";

const search = v.object({ next: v.fallback(v.optional(v.string()), undefined) });

export const Route = createFileRoute("/sign-in")({
  validateSearch: search,
  beforeLoad: async ({ context }) => {
    const server = await context.queryClient.ensureQueryData(serverQuery);
    if (server.needsOperator) {
      throw redirect({ to: "/sign-up" });
    }
    if (await context.queryClient.ensureQueryData(accountQuery)) {
      throw redirect({ to: "/" });
    }
  },
  component: () => <SignInScreen next={Route.useSearch().next} />,
});

import { createFileRoute, redirect } from "@tanstack/react-router";
import * as z from "zod/mini";
import { accountQuery, serverQuery } from "@/api/queries";
import { SignUpScreen } from "@/features/access/sign-up-screen";

const search = z.object({ next: z.catch(z.optional(z.string()), undefined) });

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

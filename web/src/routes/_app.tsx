import { createFileRoute, redirect } from "@tanstack/react-router";
import { accountQuery, projectsQuery, serverQuery } from "@/api/queries";
import { AppFrame } from "@/features/frame/app-frame";

export const Route = createFileRoute("/_app")({
  beforeLoad: async ({ context, location }) => {
    const { queryClient } = context;
    if (!(await queryClient.ensureQueryData(accountQuery))) {
      throw redirect({ to: "/sign-in", search: location.pathname === "/" ? {} : { next: location.href } });
    }
  },
  loader: ({ context: { queryClient } }) =>
    Promise.all([queryClient.ensureQueryData(serverQuery), queryClient.ensureQueryData(projectsQuery)]),
  component: AppFrame,
});

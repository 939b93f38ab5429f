import { createFileRoute, redirect } from "@tanstack/react-router";
import { accountQuery, projectsQuery, serverQuery } from "@/api/queries";
import { keepFragment } from "@/features/access/fragment";
import { AppFrame } from "@/features/frame/app-frame";
import { PendingFrame } from "@/features/frame/pending-screen";

export const Route = createFileRoute("/_app")({
  beforeLoad: async ({ context, location }) => {
    const { queryClient } = context;
    if (!(await queryClient.ensureQueryData(accountQuery))) {
      const next = `${location.pathname}${location.searchStr}`;
      keepFragment(next, location.hash);
      throw redirect({ to: "/sign-in", search: next === "/" ? {} : { next } });
    }
  },
  loader: ({ context: { queryClient } }) =>
    Promise.all([queryClient.ensureQueryData(serverQuery), queryClient.ensureQueryData(projectsQuery)]),
  pendingComponent: PendingFrame,
  component: AppFrame,
});

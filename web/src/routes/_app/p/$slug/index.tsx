import { createFileRoute, redirect } from "@tanstack/react-router";

export const Route = createFileRoute("/_app/p/$slug/")({
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/p/$slug/runs", params });
  },
});

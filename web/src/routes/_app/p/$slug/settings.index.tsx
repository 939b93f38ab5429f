import { createFileRoute, redirect } from "@tanstack/react-router";

export const Route = createFileRoute("/_app/p/$slug/settings/")({
  beforeLoad: ({ params }) => {
    throw redirect({
      to: "/p/$slug/settings/$section",
      params: { ...params, section: "general" },
      replace: true,
    });
  },
});

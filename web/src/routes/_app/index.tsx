import { createFileRoute, redirect } from "@tanstack/react-router";
import { projectsQuery } from "@/api/queries";

export const Route = createFileRoute("/_app/")({
  beforeLoad: async ({ context }) => {
    const projects = await context.queryClient.ensureQueryData(projectsQuery);
    const project = projects.find((each) => each.lastActive) ?? projects[0];
    throw project
      ? redirect({ to: "/p/$slug/runs", params: { slug: project.slug } })
      : redirect({ to: "/projects" });
  },
});

import { createFileRoute } from "@tanstack/react-router";
import { projectQuery } from "@/api/queries";
import { ProjectFrame } from "@/features/frame/project-frame";

export const Route = createFileRoute("/_app/p/$slug")({
  loader: ({ context, params }) => context.queryClient.ensureQueryData(projectQuery(params.slug)),
  component: () => <ProjectFrame slug={Route.useParams().slug} />,
});

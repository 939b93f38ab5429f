import { createFileRoute } from "@tanstack/react-router";
import * as z from "zod/mini";
import { workflowQuery } from "@/api/queries";
import { WorkflowScreen } from "@/features/workflows/workflow-screen";

const search = z.object({ view: z.catch(z.optional(z.enum(["outline"])), undefined) });

export const Route = createFileRoute("/_app/p/$slug/workflows/$name")({
  validateSearch: search,
  loader: ({ context, params: { slug, name } }) =>
    context.queryClient.ensureQueryData(workflowQuery(slug, name)),
  component: () => {
    const { slug, name } = Route.useParams();
    return (
      <WorkflowScreen
        key={`${slug} ${name}`}
        slug={slug}
        name={name}
        view={Route.useSearch().view ?? "canvas"}
      />
    );
  },
});

import { createFileRoute } from "@tanstack/react-router";
import * as v from "valibot";
import { workflowQuery } from "@/api/queries";
import { WorkflowScreen } from "@/features/workflows/workflow-screen";

const search = v.object({ view: v.fallback(v.optional(v.picklist(["outline"])), undefined) });

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

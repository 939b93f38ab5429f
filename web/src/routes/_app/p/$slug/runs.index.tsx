import { createFileRoute } from "@tanstack/react-router";
import * as v from "valibot";
import { type RunFilter, runsQuery } from "@/api/queries";
import { RunsScreen } from "@/features/runs/runs-screen";
import { RunTexts } from "@/i18n/run-texts";

const statuses = ["pending", "running", "paused", "completed", "failed", "cancelled"] as const;
const search = v.object({
  status: v.fallback(v.optional(v.picklist(statuses)), undefined),
  workflow: v.fallback(v.optional(v.string()), undefined),
  text: v.fallback(v.optional(v.string()), undefined),
  sort: v.fallback(v.optional(v.literal("oldest")), undefined),
});

type Search = v.InferOutput<typeof search>;

export const Route = createFileRoute("/_app/p/$slug/runs/")({
  validateSearch: search,
  loaderDeps: ({ search }) => search,
  // Begun here and not waited for: while somebody filters, what they filter with stays.
  loader: ({ context, params, deps }) => {
    void context.queryClient.prefetchInfiniteQuery(runsQuery(params.slug, filterOf(deps)));
  },
  component: () => (
    <RunTexts>
      <RunsScreen slug={Route.useParams().slug} filter={filterOf(Route.useSearch())} />
    </RunTexts>
  ),
});

/** Without what is not asked for: it is a part of the key under which the answer is kept. */
function filterOf(search: Search): RunFilter {
  return {
    ...(search.status ? { status: search.status } : {}),
    ...(search.workflow ? { workflow: search.workflow } : {}),
    ...(search.text ? { text: search.text } : {}),
    ...(search.sort ? { sort: search.sort } : {}),
  };
}

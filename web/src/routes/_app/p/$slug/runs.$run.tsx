import { createFileRoute } from "@tanstack/react-router";
import * as z from "zod/mini";
import { runQuery } from "@/api/queries";
import { RunScreen } from "@/features/runs/run-screen";
import { RunTexts } from "@/i18n/run-texts";

const search = z.object({
  tab: z.catch(z.optional(z.enum(["transcript", "diff", "raw"])), undefined),
  step: z.catch(z.optional(z.string()), undefined),
  event: z.catch(z.optional(z.number()), undefined),
});

export const Route = createFileRoute("/_app/p/$slug/runs/$run")({
  validateSearch: search,
  loader: ({ context, params }) => context.queryClient.ensureQueryData(runQuery(params.slug, params.run)),
  component: () => (
    <RunTexts>
      <RunScreen {...Route.useParams()} search={Route.useSearch()} />
    </RunTexts>
  ),
});

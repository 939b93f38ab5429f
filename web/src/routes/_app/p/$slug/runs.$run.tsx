import { createFileRoute } from "@tanstack/react-router";
import * as v from "valibot";
import { runQuery } from "@/api/queries";
import { RunScreen } from "@/features/runs/run-screen";
import { preferredLocale } from "@/i18n";
import { RunTexts } from "@/i18n/run-texts";
import { readEndAhead } from "@/live/run-page";

const search = v.object({
  tab: v.fallback(v.optional(v.picklist(["transcript", "diff", "raw"])), undefined),
  step: v.fallback(v.optional(v.string()), undefined),
  event: v.fallback(v.optional(v.number()), undefined),
});

export const Route = createFileRoute("/_app/p/$slug/runs/$run")({
  validateSearch: search,
  loader: async ({ context, params, preload }) => {
    // Shown whole at once: what comes later would be drawn anew, and make the screen jump.
    await Promise.all([
      context.queryClient.ensureQueryData(runQuery(params.slug, params.run)),
      RunTexts.ahead(preferredLocale()),
      // Not for a link that is only pointed at.
      preload ? undefined : readEndAhead(params.slug, params.run),
    ]);
  },
  component: () => (
    <RunTexts>
      <RunScreen {...Route.useParams()} search={Route.useSearch()} />
    </RunTexts>
  ),
});

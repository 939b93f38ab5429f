import { createFileRoute, notFound } from "@tanstack/react-router";
import * as v from "valibot";
import { projectDocumentQuery, providerKeysQuery, settingsQuery } from "@/api/queries";
import { isSection } from "@/features/settings/sections";
import { SettingsScreen } from "@/features/settings/settings-screen";

const text = v.fallback(v.optional(v.string()), undefined);
const search = v.object({ actor: text, action: text, from: text, until: text });

export const Route = createFileRoute("/_app/p/$slug/settings/$section")({
  validateSearch: search,
  params: {
    parse: ({ section, ...rest }) => {
      if (!isSection(section)) {
        throw notFound();
      }
      return { ...rest, section };
    },
  },
  loader: ({ context: { queryClient }, params: { slug } }) =>
    Promise.all([
      queryClient.ensureQueryData(projectDocumentQuery(slug)),
      queryClient.ensureQueryData(settingsQuery(slug)),
      queryClient.ensureQueryData(providerKeysQuery(slug)),
    ]),
  component: () => {
    const { slug, section } = Route.useParams();
    const filter = Object.fromEntries(Object.entries(Route.useSearch()).filter(([, value]) => value));
    return <SettingsScreen key={`${slug} ${section}`} slug={slug} section={section} audit={filter} />;
  },
});

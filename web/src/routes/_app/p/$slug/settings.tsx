import { createFileRoute } from "@tanstack/react-router";
import { projectDocumentQuery, providerKeysQuery } from "@/api/queries";
import { SettingsScreen } from "@/features/settings/settings-screen";

export const Route = createFileRoute("/_app/p/$slug/settings")({
  loader: ({ context: { queryClient }, params: { slug } }) =>
    Promise.all([
      queryClient.ensureQueryData(projectDocumentQuery(slug)),
      queryClient.ensureQueryData(providerKeysQuery(slug)),
    ]),
  component: () => <SettingsScreen slug={Route.useParams().slug} />,
});

import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { api, body, type Schemas } from "@/api/client";
import { settingsQuery } from "@/api/queries";
import { useForm } from "@/features/forms/use-form";

type Settings = Schemas["Settings"];
type Document = { settings: Settings; tag: string };

/** A form over some fields of a project's settings. It saves only what was changed. */
export function useSettingsForm<K extends keyof Settings & keyof Schemas["UpdateSettings"]>(
  slug: string,
  names: readonly K[],
) {
  const client = useQueryClient();
  const document = useSuspenseQuery(settingsQuery(slug)).data;
  const pick = ({ settings, tag }: Document) => ({
    tag,
    value: Object.fromEntries(names.map((name) => [name, settings[name]])) as Pick<Settings, K>,
  });
  const form = useForm<Pick<Settings, K>>({
    seen: pick(document),
    send: async (change, draft) => {
      const answer = await api.PATCH("/api/v1/projects/{slug}/settings", {
        params: { path: { slug }, header: { "If-Match": draft.tag } },
        // What is absent stays; the description cannot say that of a field with a default.
        body: change as unknown as Schemas["UpdateSettings"],
      });
      const { data: settings } = await body(Promise.resolve(answer));
      client.setQueryData(settingsQuery(slug).queryKey, {
        settings,
        tag: answer.response.headers.get("etag") ?? "",
      });
    },
    reread: async () => pick(await client.fetchQuery({ ...settingsQuery(slug), staleTime: 0 })),
  });
  return { form, settings: document.settings };
}

// What a project is called, where its repository is.
import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useTranslations } from "use-intl";
import { api, body, type Schemas } from "@/api/client";
import { expected, meanwhile } from "@/api/optimistic";
import { projectDocumentQuery, projectQuery, projectsQuery } from "@/api/queries";
import { Input, Textarea } from "@/components/ui/input";
import { FormField, SavedForm, Section } from "@/features/forms/form";
import { useForm } from "@/features/forms/use-form";

type General = Pick<Schemas["Project"], "name" | "slug" | "description" | "repository" | "defaultBranch">;

export function General({ slug }: { slug: string }) {
  const t = useTranslations("settings");
  const client = useQueryClient();
  const navigate = useNavigate();
  const document = useSuspenseQuery(projectDocumentQuery(slug)).data;
  const pick = ({ project, tag }: { project: Schemas["Project"]; tag: string }) => ({
    tag,
    value: {
      name: project.name,
      slug: project.slug,
      description: project.description,
      repository: project.repository,
      defaultBranch: project.defaultBranch,
    } satisfies General,
  });
  const form = useForm<General>({
    seen: pick(document),
    send: async (change, draft) => {
      // What it is called elsewhere changes with what is written here; the form itself waits for what was saved.
      const { name, description } = draft.mine;
      const expects = [
        expected(projectQuery(slug), (seen) => ({ ...seen, name, description })),
        expected(projectsQuery, (projects) =>
          projects.map((each) => (each.slug === slug ? { ...each, name, description } : each)),
        ),
      ];
      const { project, tag } = await meanwhile(client, expects, async () => {
        const answer = await api.PATCH("/api/v1/projects/{slug}", {
          params: { path: { slug }, header: { "If-Match": draft.tag } },
          body: change,
        });
        const { data: project } = await body(Promise.resolve(answer));
        return { project, tag: answer.response.headers.get("etag") ?? "" };
      });
      client.setQueryData(projectDocumentQuery(project.slug).queryKey, { project, tag });
      client.setQueryData(projectQuery(project.slug).queryKey, project);
      await client.invalidateQueries({ queryKey: projectsQuery.queryKey });
      if (project.slug !== slug) {
        await navigate({
          to: "/p/$slug/settings/$section",
          params: { slug: project.slug, section: "general" },
          ignoreBlocker: true,
          replace: true,
        });
      }
    },
    reread: async () => pick(await client.fetchQuery({ ...projectDocumentQuery(slug), staleTime: 0 })),
  });
  return (
    <SavedForm form={form}>
      <Section title={t("general")}>
        <FormField form={form} name="name" label={t("name")}>
          <Input
            required
            maxLength={80}
            value={form.value.name}
            onChange={(event) => form.set({ name: event.target.value })}
          />
        </FormField>
        <FormField form={form} name="slug" label={t("slug")} hint={t("slugHint")}>
          <Input
            required
            minLength={2}
            maxLength={48}
            pattern="[a-z0-9]+(-[a-z0-9]+)*"
            value={form.value.slug}
            onChange={(event) => form.set({ slug: event.target.value })}
          />
        </FormField>
        <FormField form={form} name="description" label={t("description")}>
          <Textarea
            maxLength={2000}
            value={form.value.description}
            onChange={(event) => form.set({ description: event.target.value })}
          />
        </FormField>
        <FormField form={form} name="repository" label={t("repository")}>
          <Input
            placeholder="https://github.com/acme/shop"
            value={form.value.repository ?? ""}
            onChange={(event) => form.set({ repository: event.target.value || null })}
          />
        </FormField>
        <FormField form={form} name="defaultBranch" label={t("defaultBranch")} hint={t("defaultBranchHint")}>
          <Input
            value={form.value.defaultBranch ?? ""}
            onChange={(event) => form.set({ defaultBranch: event.target.value || null })}
          />
        </FormField>
      </Section>
    </SavedForm>
  );
}

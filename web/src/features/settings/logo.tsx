import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { ImageUp } from "lucide-react";
import { useRef } from "react";
import { useTranslations } from "use-intl";
import { ApiError, api, done } from "@/api/client";
import { expected } from "@/api/optimistic";
import { projectDocumentQuery, projectQuery, projectsQuery } from "@/api/queries";
import { Button } from "@/components/ui/button";
import { Section } from "@/features/forms/form";
import { useFailure } from "@/features/frame/use-failure";
import { useOptimistic } from "@/features/frame/use-optimistic";
import { ProjectMark } from "@/features/projects/project-mark";

/** The project's picture: chosen from a file, or none. */
export function Logo({ slug }: { slug: string }) {
  const t = useTranslations("settings");
  const client = useQueryClient();
  const fail = useFailure();
  const file = useRef<HTMLInputElement>(null);
  const { project } = useSuspenseQuery(projectDocumentQuery(slug)).data;
  const params = { path: { slug } };
  const fresh = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: projectQuery(slug).queryKey }),
      client.invalidateQueries({ queryKey: projectsQuery.queryKey }),
    ]);
  const set = useMutation({
    mutationFn: (picture: File) =>
      done(
        api.PUT("/api/v1/projects/{slug}/logo", {
          params,
          headers: { "Content-Type": picture.type },
          // The description says bytes; a browser sends a file as it is.
          body: picture as unknown as number[],
          bodySerializer: (bytes) => bytes as unknown as File,
        }),
      ),
    onError: (error) =>
      fail(
        error instanceof ApiError || !(error instanceof Error)
          ? error
          : new ApiError({ code: "VALIDATION", message: error.message, status: 0 }),
      ),
    onSettled: fresh,
  });
  const remove = useOptimistic({
    of: projectQuery(slug),
    send: () => done(api.DELETE("/api/v1/projects/{slug}/logo", { params })),
    expects: () => [
      expected(projectQuery(slug), (seen) => ({ ...seen, logo: null })),
      expected(projectDocumentQuery(slug), (seen) => ({ ...seen, project: { ...seen.project, logo: null } })),
      expected(projectsQuery, (projects) =>
        projects.map((each) => (each.slug === project.slug ? { ...each, logo: null } : each)),
      ),
    ],
  });
  return (
    <Section title={t("logo")} why={t("logoWhy")}>
      <div className="flex flex-wrap items-center gap-3">
        <ProjectMark project={project} className="size-12 rounded-md text-xl" />
        <input
          ref={file}
          type="file"
          accept="image/png,image/jpeg,image/webp"
          className="sr-only"
          tabIndex={-1}
          aria-label={t("logoFile")}
          onChange={(event) => {
            const picture = event.target.files?.[0];
            event.target.value = "";
            if (picture) {
              set.mutate(picture);
            }
          }}
        />
        <Button busy={set.isPending} onClick={() => file.current?.click()}>
          <ImageUp aria-hidden />
          {t("logoChoose")}
        </Button>
        {project.logo ? <Button onClick={() => remove.mutate()}>{t("remove")}</Button> : null}
      </div>
    </Section>
  );
}

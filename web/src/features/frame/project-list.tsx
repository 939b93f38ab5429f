// The projects of a person to choose from, by typing or by looking.
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command as Cmdk } from "cmdk";
import { Check, FolderGit2 } from "lucide-react";
import { useTranslations } from "use-intl";
import { projectsQuery } from "@/api/queries";
import { byWords } from "@/commands/filter";
import { ProjectMark } from "@/features/projects/project-mark";

const itemClasses = "flex min-h-8 items-center gap-2 rounded-sm px-2 data-[selected=true]:bg-accent";

export default function ProjectList({ slug, onGone }: { slug: string | undefined; onGone: () => void }) {
  const t = useTranslations("projects");
  const navigate = useNavigate();
  const projects = useQuery(projectsQuery).data ?? [];
  return (
    <Cmdk label={t("title")} filter={byWords} loop>
      <Cmdk.Input
        autoFocus
        placeholder={t("find")}
        className="h-9 w-full border-b bg-transparent px-3 outline-none placeholder:text-muted-foreground"
      />
      <Cmdk.List className="max-h-72 overflow-y-auto p-1">
        <Cmdk.Empty className="px-2 py-4 text-center text-muted-foreground">{t("notFound")}</Cmdk.Empty>
        {projects.map((project) => (
          <Cmdk.Item
            key={project.id}
            value={`${project.name} ${project.slug} ${project.id}`}
            className={itemClasses}
            onSelect={() => {
              onGone();
              void navigate({ to: "/p/$slug/runs", params: { slug: project.slug } });
            }}
          >
            <ProjectMark project={project} />
            <span className="truncate">{project.name}</span>
            {project.slug === slug ? <Check className="ml-auto size-4" aria-hidden /> : null}
          </Cmdk.Item>
        ))}
        <Cmdk.Separator className="-mx-1 my-1 h-px bg-border" />
        <Cmdk.Item
          value={t("all")}
          className={itemClasses}
          onSelect={() => {
            onGone();
            void navigate({ to: "/projects" });
          }}
        >
          <FolderGit2 className="size-5 p-0.5 text-muted-foreground" aria-hidden />
          {t("all")}
        </Cmdk.Item>
      </Cmdk.List>
    </Cmdk>
  );
}

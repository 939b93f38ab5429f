import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Check, ChevronsUpDown, Plus } from "lucide-react";
import { useTranslations } from "use-intl";
import { projectsQuery } from "@/api/queries";
import { Menu, MenuContent, MenuItem, MenuLabel, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { ProjectMark } from "@/features/projects/project-mark";

export function ProjectSwitcher({ slug }: { slug: string | undefined }) {
  const t = useTranslations("projects");
  const projects = useQuery(projectsQuery).data ?? [];
  const current = projects.find((project) => project.slug === slug);
  return (
    <Menu>
      <MenuTrigger className="flex h-9 w-full min-w-0 items-center gap-2 rounded-md px-2 text-left hover:bg-accent">
        {current ? <ProjectMark project={current} /> : null}
        <span className="truncate font-semibold">{current?.name ?? t("choose")}</span>
        <ChevronsUpDown className="ml-auto size-4 shrink-0 text-muted-foreground" aria-hidden />
      </MenuTrigger>
      <MenuContent className="w-60">
        <MenuLabel>{t("title")}</MenuLabel>
        {projects.map((project) => (
          <MenuItem key={project.id} asChild>
            <Link to="/p/$slug/runs" params={{ slug: project.slug }}>
              <ProjectMark project={project} />
              <span className="truncate">{project.name}</span>
              {project.slug === slug ? <Check className="ml-auto" aria-hidden /> : null}
            </Link>
          </MenuItem>
        ))}
        <MenuSeparator />
        <MenuItem asChild>
          <Link to="/projects">
            <Plus aria-hidden />
            {t("all")}
          </Link>
        </MenuItem>
      </MenuContent>
    </Menu>
  );
}

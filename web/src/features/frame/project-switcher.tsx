import { useQuery } from "@tanstack/react-query";
import { ChevronsUpDown } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslations } from "use-intl";
import { projectsQuery } from "@/api/queries";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { ProjectMark } from "@/features/projects/project-mark";

const ProjectList = lazy(() => import("./project-list"));

/** The project that is open, and the way to another one. */
export function ProjectSwitcher({ slug }: { slug: string | undefined }) {
  const t = useTranslations("projects");
  const [open, setOpen] = useState(false);
  const current = useQuery(projectsQuery).data?.find((project) => project.slug === slug);
  return (
    <Popover open={open} onOpenChange={setOpen}>
      <PopoverTrigger className="flex h-9 w-full min-w-0 items-center gap-2 rounded-md px-2 text-left hover:bg-accent">
        {current ? <ProjectMark project={current} /> : null}
        <span className="truncate font-semibold">{current?.name ?? t("choose")}</span>
        <ChevronsUpDown className="ml-auto size-4 shrink-0 text-muted-foreground" aria-hidden />
      </PopoverTrigger>
      <PopoverContent className="w-64 p-0" aria-label={t("title")}>
        <Suspense>
          <ProjectList slug={slug} onGone={() => setOpen(false)} />
        </Suspense>
      </PopoverContent>
    </Popover>
  );
}

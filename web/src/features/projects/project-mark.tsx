import type { Schemas } from "@/api/client";
import { cn } from "@/lib/cn";

const hues = ["bg-indigo-600", "bg-sky-700", "bg-teal-700", "bg-rose-700", "bg-amber-700", "bg-violet-700"];

/** A project's picture, or the first letter of its name on a colour that stays. */
export function ProjectMark({ project, className }: { project: Schemas["Project"]; className?: string }) {
  const shape = cn("size-5 shrink-0 overflow-hidden rounded-sm", className);
  if (project.logo) {
    return (
      <img className={shape} alt="" src={`/api/v1/projects/${project.slug}/logo?v=${project.logo.version}`} />
    );
  }
  const hue = hues[[...project.id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % hues.length];
  return (
    <span aria-hidden className={cn(shape, "grid place-items-center font-semibold text-white text-xs", hue)}>
      {[...project.name][0]?.toUpperCase()}
    </span>
  );
}

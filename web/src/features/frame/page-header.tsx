import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslations } from "use-intl";
import { projectsQuery } from "@/api/queries";

type PageHeaderProps = {
  title: string;
  /** The places between the project and this screen, as links. */
  trail?: ReactNode[];
  /** What is done most often here. */
  children?: ReactNode;
};

/** The top of a screen: where it is, its one heading, and what is done most often there. It stays while the rest scrolls. */
export function PageHeader({ title, trail = [], children }: PageHeaderProps) {
  const t = useTranslations("frame");
  const slug = useParams({ strict: false }).slug;
  const project = useQuery(projectsQuery).data?.find((each) => each.slug === slug);
  const places = [
    ...(slug
      ? [
          <Link key="project" to="/p/$slug/runs" params={{ slug }} className="truncate">
            {project?.name ?? slug}
          </Link>,
        ]
      : []),
    ...trail,
  ];
  return (
    <header className="sticky top-0 z-20 flex min-h-12 shrink-0 flex-wrap items-center justify-between gap-2 border-b bg-background px-4 py-2">
      <div className="flex min-w-0 flex-wrap items-center gap-x-1.5">
        {places.length > 0 ? (
          <nav aria-label={t("trail")} className="min-w-0">
            <ol className="flex min-w-0 items-center gap-1.5 text-muted-foreground [&_a:hover]:text-foreground">
              {places.map((place, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the places of a screen do not change their order
                <li key={index} className="flex min-w-0 items-center gap-1.5 max-md:not-last:hidden">
                  <span className="max-w-40 truncate max-md:max-w-24">{place}</span>
                  <ChevronRight className="size-3.5 shrink-0" aria-hidden />
                </li>
              ))}
            </ol>
          </nav>
        ) : null}
        <h1 className="min-w-0 truncate font-semibold text-[0.9375rem]">{title}</h1>
      </div>
      {children ? (
        <div className="ml-auto flex flex-wrap items-center justify-end gap-2">{children}</div>
      ) : null}
    </header>
  );
}

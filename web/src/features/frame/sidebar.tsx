// The way around: the project, its places, the person.
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Box, type LucideIcon, Play, Search, Settings, Users, Workflow } from "lucide-react";
import { useTranslations } from "use-intl";
import { projectQuery } from "@/api/queries";
import { shown } from "@/commands/keys";
import { Kbd } from "@/components/ui/kbd";
import { Notifications } from "./notifications";
import { ProjectSwitcher } from "./project-switcher";
import { UserMenu } from "./user-menu";

type Place = {
  to:
    | "/p/$slug/runs"
    | "/p/$slug/workflows"
    | "/p/$slug/sandboxes"
    | "/p/$slug/members"
    | "/p/$slug/settings";
  label: "runs" | "workflows" | "sandboxes" | "members" | "settings";
  icon: LucideIcon;
};

const places: Place[] = [
  { to: "/p/$slug/runs", label: "runs", icon: Play },
  { to: "/p/$slug/workflows", label: "workflows", icon: Workflow },
  { to: "/p/$slug/sandboxes", label: "sandboxes", icon: Box },
  { to: "/p/$slug/members", label: "members", icon: Users },
  { to: "/p/$slug/settings", label: "settings", icon: Settings },
];

export function Sidebar({ onSearch }: { onSearch: () => void }) {
  const t = useTranslations("frame");
  const slug = useParams({ strict: false }).slug;
  return (
    <div className="flex h-full flex-col gap-2 p-2">
      <ProjectSwitcher slug={slug} />
      <button
        type="button"
        onClick={onSearch}
        className="flex h-8 items-center gap-2 rounded-md border bg-background px-2 text-muted-foreground hover:text-foreground"
      >
        <Search className="size-4" aria-hidden />
        {t("search")}
        <Kbd keys={shown("mod+k")} className="ml-auto" />
      </button>
      {slug ? <Places slug={slug} /> : null}
      <div className="mt-auto flex items-center gap-1">
        <UserMenu />
        <Notifications className="max-md:hidden" />
      </div>
    </div>
  );
}

function Places({ slug }: { slug: string }) {
  const t = useTranslations("frame");
  const role = useQuery(projectQuery(slug)).data?.role;
  const visible = places.filter((place) => place.label !== "settings" || (role && role !== "member"));
  return (
    <nav aria-label={t("places")}>
      <ul className="grid gap-0.5">
        {visible.map(({ to, label, icon: Icon }) => (
          <li key={to}>
            <Link
              to={to}
              params={{ slug }}
              className="flex h-8 items-center gap-2 rounded-md px-2 text-muted-foreground hover:bg-accent hover:text-foreground data-[status=active]:bg-accent data-[status=active]:text-foreground"
            >
              <Icon className="size-4" aria-hidden />
              {t(label)}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

// What waits for the person, whatever page they are at.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Bell, Mail } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslations } from "use-intl";
import { ownInvitationsQuery } from "@/api/queries";
import { Button } from "@/components/ui/button";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { Ago } from "@/features/runs/moments";
import { cn } from "@/lib/cn";

/** In milliseconds: nobody waits for it, so it is asked for once the page is there. */
const AFTER_THE_PAGE = 1_000;

export function Notifications({ className }: { className?: string }) {
  const t = useTranslations("frame");
  const projects = useTranslations("projects");
  const invitations = useInvitations();
  const [open, setOpen] = useState(false);
  const count = invitations.length;
  return (
    <Popover open={open} onOpenChange={setOpen}>
      <PopoverTrigger asChild>
        <Button
          variant="ghost"
          size="icon"
          aria-label={t("notifications", { count })}
          className={cn("relative", className)}
        >
          <Bell aria-hidden />
          {count > 0 ? (
            <span
              aria-hidden
              className="tabular absolute top-0 right-0 grid h-4 min-w-4 place-items-center rounded-full bg-primary px-1 text-[0.625rem] text-primary-foreground"
            >
              {count}
            </span>
          ) : null}
        </Button>
      </PopoverTrigger>
      <PopoverContent className="p-1" aria-label={t("notifications", { count })}>
        {count === 0 ? <p className="p-2 text-muted-foreground">{t("nothingWaits")}</p> : null}
        <ul>
          {invitations.map(({ id, inviterName, projectName, createdAt }) => (
            <li key={id}>
              <Link
                to="/invitations/$invitation"
                params={{ invitation: id }}
                onClick={() => setOpen(false)}
                className="flex items-start gap-2 rounded-md p-2 hover:bg-accent"
              >
                <Mail className="mt-0.5 size-4 shrink-0 text-muted-foreground" aria-hidden />
                <span className="min-w-0 break-words">
                  {projects("invited", { inviter: inviterName ?? "–", project: projectName })}{" "}
                  <span className="text-muted-foreground text-xs">
                    <Ago at={createdAt} />
                  </span>
                </span>
              </Link>
            </li>
          ))}
        </ul>
      </PopoverContent>
    </Popover>
  );
}

function useInvitations() {
  const [there, setThere] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setThere(true), AFTER_THE_PAGE);
    return () => clearTimeout(timer);
  }, []);
  return useQuery({ ...ownInvitationsQuery, enabled: there }).data ?? [];
}

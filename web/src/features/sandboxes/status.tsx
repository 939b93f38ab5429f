// The status of a sandbox: a colour, an icon and a word, as that of a run.
import { CircleDashed, CirclePause, CircleSlash, LoaderCircle, type LucideIcon } from "lucide-react";
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { cn } from "@/lib/cn";

type Status = Schemas["SandboxStatus"];

const looks: Record<Status, { icon: LucideIcon; colour: string }> = {
  creating: { icon: CircleDashed, colour: "text-status-pending" },
  running: { icon: LoaderCircle, colour: "text-status-running" },
  paused: { icon: CirclePause, colour: "text-status-paused" },
  killed: { icon: CircleSlash, colour: "text-muted-foreground" },
};

export function SandboxStatus({ status, className }: { status: Status; className?: string }) {
  const t = useTranslations("sandboxes");
  const { icon: Icon, colour } = looks[status];
  return (
    <span className={cn("inline-flex items-center gap-1.5 whitespace-nowrap font-medium", colour, className)}>
      <Icon
        aria-hidden
        className={cn("size-4 shrink-0", status === "running" && "animate-spin [animation-duration:2s]")}
      />
      {t(`status.${status}`)}
    </span>
  );
}

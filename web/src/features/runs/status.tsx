// The status of a run or step: a colour, an icon and a word, always the three together.
import {
  Ban,
  CircleCheck,
  CircleDashed,
  CirclePause,
  CircleX,
  LoaderCircle,
  type LucideIcon,
} from "lucide-react";
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { cn } from "@/lib/cn";

export type Status = Schemas["RunStatus"];

export const statuses: Status[] = ["pending", "running", "paused", "completed", "failed", "cancelled"];

const looks: Record<Status, { icon: LucideIcon; colour: string }> = {
  pending: { icon: CircleDashed, colour: "text-status-pending" },
  running: { icon: LoaderCircle, colour: "text-status-running" },
  paused: { icon: CirclePause, colour: "text-status-paused" },
  completed: { icon: CircleCheck, colour: "text-status-completed" },
  failed: { icon: CircleX, colour: "text-status-failed" },
  cancelled: { icon: Ban, colour: "text-status-cancelled" },
};

export function StatusIcon({ status, className }: { status: Status; className?: string }) {
  const { icon: Icon, colour } = looks[status];
  return (
    <Icon
      aria-hidden
      className={cn(
        "size-4 shrink-0",
        colour,
        status === "running" && "animate-spin [animation-duration:2s]",
        className,
      )}
    />
  );
}

export function StatusBadge({ status, className }: { status: Status; className?: string }) {
  const t = useTranslations("status");
  return (
    <span
      className={cn(
        "inline-flex items-center gap-1.5 whitespace-nowrap font-medium",
        looks[status].colour,
        className,
      )}
    >
      <StatusIcon status={status} />
      {t(status)}
    </span>
  );
}

/** Whether it can still change by itself. */
export function isUnderWay(status: Status): boolean {
  return status === "pending" || status === "running" || status === "paused";
}

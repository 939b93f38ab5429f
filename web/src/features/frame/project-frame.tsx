// What is around every screen of a project: its changes, followed live, and its commands.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Outlet, useNavigate } from "@tanstack/react-router";
import { Box, Play, Plus, Settings, Users, Workflow } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import { projectQuery } from "@/api/queries";
import { useCommands } from "@/commands/registry";
import { RunTexts } from "@/i18n/run-texts";
import { applyProjectChange } from "@/live/apply-change";
import { useLive } from "@/live/context";

const StartRun = lazy(() =>
  import("@/features/runs/start-run").then(({ StartRun }) => ({ default: StartRun })),
);

export function ProjectFrame({ slug }: { slug: string }) {
  const [starting, setStarting] = useState(false);
  // Loaded when somebody starts a run first, and kept: it has to close, too.
  const [asked, setAsked] = useState(false);
  useProjectChanges(slug);
  useProjectCommands(slug, () => {
    setAsked(true);
    setStarting(true);
  });
  return (
    <>
      <Outlet />
      <Suspense>
        {asked ? (
          <RunTexts>
            <StartRun slug={slug} open={starting} onOpenChange={setStarting} />
          </RunTexts>
        ) : null}
      </Suspense>
    </>
  );
}

function useProjectChanges(slug: string) {
  const t = useTranslations("frame");
  const live = useLive();
  const client = useQueryClient();
  const navigate = useNavigate();
  useEffect(
    () =>
      live.subscribe(
        "project.changes",
        { project: slug },
        {
          // After a break that was too long to be told of: everything of the project may be old.
          snapshot: () =>
            void client.invalidateQueries({
              predicate: (query) => query.queryKey[1] === slug,
              refetchType: "active",
            }),
          delta: (delta) => delta.change && applyProjectChange(client, slug, delta.change),
          ended: () => {
            client.removeQueries({ predicate: (query) => query.queryKey[1] === slug });
            toast(t("noLonger"));
            void client.invalidateQueries({ queryKey: ["projects"] });
            void navigate({ to: "/projects" });
          },
        },
      ),
    [live, client, slug, navigate, t],
  );
}

function useProjectCommands(slug: string, start: () => void) {
  const t = useTranslations("commands");
  const navigate = useNavigate();
  const role = useQuery(projectQuery(slug)).data?.role;
  const params = { slug };
  useCommands([
    { id: "new-run", title: t("newRun"), group: "project", icon: Plus, keys: "n", run: start },
    {
      id: "runs",
      title: t("runs"),
      group: "go",
      icon: Play,
      keys: "g r",
      run: () => void navigate({ to: "/p/$slug/runs", params }),
    },
    {
      id: "workflows",
      title: t("workflows"),
      group: "go",
      icon: Workflow,
      keys: "g w",
      run: () => void navigate({ to: "/p/$slug/workflows", params }),
    },
    {
      id: "sandboxes",
      title: t("sandboxes"),
      group: "go",
      icon: Box,
      keys: "g s",
      run: () => void navigate({ to: "/p/$slug/sandboxes", params }),
    },
    {
      id: "members",
      title: t("members"),
      group: "go",
      icon: Users,
      keys: "g m",
      run: () => void navigate({ to: "/p/$slug/members", params }),
    },
    ...(role && role !== "member"
      ? [
          {
            id: "settings",
            title: t("settings"),
            group: "go" as const,
            icon: Settings,
            keys: "g ,",
            run: () => void navigate({ to: "/p/$slug/settings", params }),
          },
        ]
      : []),
  ]);
}

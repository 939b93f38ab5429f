import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Pause, Play } from "lucide-react";
import { useTranslations } from "use-intl";
import { api, data, type Schemas } from "@/api/client";
import { sandboxQuery } from "@/api/queries";
import { useCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { useFailure } from "@/features/frame/use-failure";
import { unique } from "@/lib/unique";

type PauseSandboxProps = { slug: string; sandbox: Schemas["Sandbox"] };

/** Stops the processes of a sandbox where they are, and lets them go on. */
export function PauseSandbox({ slug, sandbox }: PauseSandboxProps) {
  const t = useTranslations("sandboxes");
  const client = useQueryClient();
  const fail = useFailure();
  const paused = sandbox.status === "paused";
  const word = paused ? "resume" : "pause";
  const change = useMutation({
    mutationFn: () => {
      const options = {
        params: { path: { slug, sandbox: sandbox.id }, header: { "Idempotency-Key": unique() } },
      };
      return data(
        paused
          ? api.POST("/api/v1/projects/{slug}/sandboxes/{sandbox}/resume", options)
          : api.POST("/api/v1/projects/{slug}/sandboxes/{sandbox}/pause", options),
      );
    },
    onSuccess: (changed) => client.setQueryData(sandboxQuery(slug, sandbox.id).queryKey, changed),
    onError: fail,
    onSettled: () => void client.invalidateQueries({ queryKey: ["sandboxes", slug] }),
  });
  const can = sandbox.status === "running" || paused;
  useCommands(
    can
      ? [
          {
            id: "pause",
            title: t(word),
            group: "here",
            icon: paused ? Play : Pause,
            keys: "shift+p",
            run: () => change.mutate(),
          },
        ]
      : [],
  );
  return can ? (
    <Button size="small" busy={change.isPending} onClick={() => change.mutate()}>
      {paused ? <Play aria-hidden /> : <Pause aria-hidden />}
      {t(word)}
    </Button>
  ) : null;
}

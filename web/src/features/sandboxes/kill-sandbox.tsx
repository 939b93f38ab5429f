import { useMutation, useQueryClient } from "@tanstack/react-query";
import { OctagonX } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { api, done, type Schemas } from "@/api/client";
import { useCommands } from "@/commands/registry";
import { Confirm } from "@/components/ui/alert-dialog";
import { Button } from "@/components/ui/button";
import { useFailure } from "@/features/frame/use-failure";
import { unique } from "@/lib/unique";

type KillSandboxProps = {
  slug: string;
  sandbox: Schemas["Sandbox"];
  /** The shortcut, where there is only one sandbox on the screen. */
  keys?: string;
};

export function KillSandbox({ slug, sandbox, keys }: KillSandboxProps) {
  const t = useTranslations("sandboxes");
  const client = useQueryClient();
  const fail = useFailure();
  const [asking, setAsking] = useState(false);
  const alive = sandbox.status !== "killed";
  const kill = useMutation({
    mutationFn: () =>
      done(
        api.POST("/api/v1/projects/{slug}/sandboxes/{sandbox}/kill", {
          params: { path: { slug, sandbox: sandbox.id }, header: { "Idempotency-Key": unique() } },
        }),
      ),
    onError: fail,
    onSettled: () => {
      setAsking(false);
      void client.invalidateQueries({ queryKey: ["sandboxes", slug] });
    },
  });
  useCommands(
    keys && alive
      ? [{ id: "kill", title: t("kill"), group: "here", icon: OctagonX, keys, run: () => setAsking(true) }]
      : [],
  );
  if (!alive) {
    return null;
  }
  return (
    <>
      <Button size="small" onClick={() => setAsking(true)}>
        {t("kill")}
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={t("killTitle")}
        confirmLabel={t("kill")}
        cancelLabel={t("keep")}
        busy={kill.isPending}
        onConfirm={() => kill.mutate()}
      >
        {t("killWhy")}
      </Confirm>
    </>
  );
}

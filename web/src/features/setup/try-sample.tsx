import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { FlaskConical } from "lucide-react";
import { useTranslations } from "use-intl";
import { api, data } from "@/api/client";
import { useCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { useFailure } from "@/features/frame/use-failure";
import { unique } from "@/lib/unique";

/** A run on the server's own sample, for whoever has no key at hand. */
export function TrySample({ slug }: { slug: string }) {
  const t = useTranslations("setup");
  const navigate = useNavigate();
  const fail = useFailure();
  const start = useMutation({
    mutationFn: () =>
      data(
        api.POST("/api/v1/projects/{slug}/runs/sample", {
          params: { path: { slug }, header: { "Idempotency-Key": unique() } },
        }),
      ),
    onSuccess: (run) => navigate({ to: "/p/$slug/runs/$run", params: { slug, run: run.id } }),
    onError: fail,
  });
  useCommands([
    { id: "try-sample", title: t("try"), group: "here", icon: FlaskConical, run: () => start.mutate() },
  ]);
  return (
    <div className="flex flex-wrap items-center gap-3 border-t pt-3">
      <p className="min-w-0 flex-1 basis-60 text-muted-foreground">{t("tryWhy")}</p>
      <Button busy={start.isPending} onClick={() => start.mutate()}>
        <FlaskConical aria-hidden />
        {t("try")}
      </Button>
    </div>
  );
}

// Keys for programs: made with scopes, shown once, rotated with an overlap, revoked.
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";
import { useFormatter, useTranslations } from "use-intl";
import { api, data, done, type Schemas } from "@/api/client";
import { apiKeysQuery } from "@/api/queries";
import { useCommands } from "@/commands/registry";
import { Confirm } from "@/components/ui/alert-dialog";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { Skeleton } from "@/components/ui/skeleton";
import { Section } from "@/features/forms/form";
import { ErrorAlert } from "@/features/frame/error-screens";
import { useFailure } from "@/features/frame/use-failure";
import { Ago } from "@/features/runs/moments";
import { unique } from "@/lib/unique";
import { CreateApiKey, ShowToken } from "./create-api-key";

type ApiKey = Schemas["ApiKey"];

export function ApiKeys({ slug }: { slug: string }) {
  const t = useTranslations("apiKeys");
  const keys = useInfiniteQuery(apiKeysQuery(slug));
  const list = keys.data?.pages.flatMap((page) => page.data) ?? [];
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<Schemas["CreatedApiKey"] | null>(null);
  useCommands([
    {
      id: "create-key",
      title: t("create"),
      group: "here",
      icon: Plus,
      keys: "c",
      run: () => setCreating(true),
    },
  ]);
  return (
    <Section
      title={t("title")}
      why={t("why")}
      action={
        <Button size="small" onClick={() => setCreating(true)}>
          <Plus aria-hidden />
          {t("create")}
        </Button>
      }
    >
      {keys.isPending ? (
        <Skeleton className="h-16" />
      ) : keys.error ? (
        <ErrorAlert error={keys.error} />
      ) : list.length === 0 ? (
        <p className="rounded-md border border-dashed p-4 text-center text-muted-foreground">{t("none")}</p>
      ) : (
        <ul className="-mx-4 -mb-4 divide-y border-t">
          {list.map((key) => (
            <KeyRow key={key.id} slug={slug} apiKey={key} onRotated={setMade} />
          ))}
        </ul>
      )}
      {keys.hasNextPage ? (
        <div className="text-center">
          <Button busy={keys.isFetchingNextPage} onClick={() => void keys.fetchNextPage()}>
            {t("more")}
          </Button>
        </div>
      ) : null}
      {creating ? (
        <CreateApiKey
          slug={slug}
          onClose={() => setCreating(false)}
          onMade={(created) => {
            setCreating(false);
            setMade(created);
          }}
        />
      ) : null}
      {made ? <ShowToken made={made} onClose={() => setMade(null)} /> : null}
    </Section>
  );
}

type KeyRowProps = { slug: string; apiKey: ApiKey; onRotated: (made: Schemas["CreatedApiKey"]) => void };

function KeyRow({ slug, apiKey, onRotated }: KeyRowProps) {
  const t = useTranslations("apiKeys");
  const format = useFormatter();
  const client = useQueryClient();
  const fail = useFailure();
  const [asking, setAsking] = useState<"rotate" | "revoke" | null>(null);
  const revoke = useMutation({
    mutationFn: () =>
      done(api.DELETE("/api/v1/projects/{slug}/keys/{key}", { params: { path: { slug, key: apiKey.id } } })),
    onError: fail,
    onSettled: () => {
      setAsking(null);
      void client.invalidateQueries({ queryKey: apiKeysQuery(slug).queryKey });
    },
  });
  const usable = apiKey.status === "active" || apiKey.status === "retiring";
  const ends = apiKey.retiresAt ?? apiKey.expiresAt;
  const day = (at: string) => format.dateTime(new Date(at), { dateStyle: "medium" });
  return (
    <li className="grid grid-cols-[minmax(0,1fr)] gap-1.5 px-4 py-2.5">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="flex min-w-0 flex-1 basis-40 items-center gap-3 max-sm:basis-full">
          <KeyRound className="size-4 shrink-0 text-muted-foreground" aria-hidden />
          <span className="truncate font-medium">{apiKey.name}</span>
        </span>
        <code className="text-[0.8125rem] text-muted-foreground max-sm:pl-7">{apiKey.displayPrefix}…</code>
        <Badge className={usable ? "text-status-completed" : ""}>{t(`status.${apiKey.status}`)}</Badge>
        {usable ? (
          <span className="flex gap-2 max-sm:w-full max-sm:pl-7">
            {apiKey.status === "active" ? (
              <Button
                size="small"
                onClick={() => setAsking("rotate")}
                aria-label={t("rotateNamed", { name: apiKey.name })}
              >
                {t("rotate")}
              </Button>
            ) : null}
            <Button
              size="small"
              onClick={() => setAsking("revoke")}
              aria-label={t("revokeNamed", { name: apiKey.name })}
            >
              {t("revoke")}
            </Button>
          </span>
        ) : null}
      </div>
      <p className="flex flex-wrap gap-1 pl-7">
        {apiKey.permissions.map((permission) => (
          <Badge key={permission} className="font-mono">
            {permission}
          </Badge>
        ))}
      </p>
      <p className="flex flex-wrap gap-x-3 pl-7 text-[0.8125rem] text-muted-foreground">
        <span>{t("created", { at: day(apiKey.createdAt) })}</span>
        <span>
          {apiKey.lastUsedAt
            ? t.rich("used", { at: () => <Ago at={apiKey.lastUsedAt ?? apiKey.createdAt} /> })
            : t("unused")}
        </span>
        {ends && usable ? <span>{t("ends", { at: day(ends) })}</span> : null}
      </p>
      <Confirm
        open={asking === "revoke"}
        onOpenChange={(open) => setAsking(open ? "revoke" : null)}
        title={t("revokeTitle", { name: apiKey.name })}
        confirmLabel={t("revoke")}
        cancelLabel={t("cancel")}
        busy={revoke.isPending}
        onConfirm={() => revoke.mutate()}
      >
        {t("revokeWhy")}
      </Confirm>
      {asking === "rotate" ? (
        <Rotate slug={slug} apiKey={apiKey} onClose={() => setAsking(null)} onRotated={onRotated} />
      ) : null}
    </li>
  );
}

/** For how long both keys are good, in seconds. */
const overlaps = [0, 3600, 86_400, 604_800] as const;

function Rotate({ slug, apiKey, onClose, onRotated }: KeyRowProps & { onClose: () => void }) {
  const t = useTranslations("apiKeys");
  const client = useQueryClient();
  const [overlap, setOverlap] = useState("86400");
  const rotate = useMutation({
    mutationFn: () =>
      data(
        api.POST("/api/v1/projects/{slug}/keys/{key}/rotate", {
          params: { path: { slug, key: apiKey.id }, header: { "Idempotency-Key": unique() } },
          body: { overlapSeconds: Number(overlap) },
        }),
      ),
    onSuccess: (made) => {
      void client.invalidateQueries({ queryKey: apiKeysQuery(slug).queryKey });
      onClose();
      onRotated(made);
    },
  });
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()}>
      <DialogContent
        title={t("rotateNamed", { name: apiKey.name })}
        description={t("rotateWhy")}
        closeLabel={t("close")}
      >
        <Field label={t("overlap")}>
          <Select
            value={overlap}
            onValueChange={setOverlap}
            options={overlaps.map((seconds) => ({ value: String(seconds), label: t(`overlaps.${seconds}`) }))}
          />
        </Field>
        {rotate.error ? <ErrorAlert error={rotate.error} /> : null}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{t("cancel")}</Button>
          <Button variant="primary" busy={rotate.isPending} onClick={() => rotate.mutate()}>
            {t("rotate")}
          </Button>
        </div>
      </DialogContent>
    </Dialog>
  );
}

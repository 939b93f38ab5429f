// What cannot be taken back, or only for a while: handing the project over, leaving it, deleting it.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import { api, done } from "@/api/client";
import { accountQuery, membersQuery, projectQuery, projectsQuery } from "@/api/queries";
import { Confirm } from "@/components/ui/alert-dialog";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { useFailure } from "@/features/frame/use-failure";
import { useUndoable } from "@/features/frame/use-undoable";

export function DangerZone({ slug }: { slug: string }) {
  const t = useTranslations("danger");
  const project = useQuery(projectQuery(slug)).data;
  if (!project) {
    return null;
  }
  return (
    <Card className="grid gap-4 border-destructive/50 p-4">
      <h2 className="font-semibold">{t("title")}</h2>
      {project.role === "owner" ? (
        <>
          <Transfer slug={slug} name={project.name} />
          <Delete slug={slug} name={project.name} />
        </>
      ) : (
        <Leave slug={slug} name={project.name} />
      )}
    </Card>
  );
}

function Transfer({ slug, name }: { slug: string; name: string }) {
  const t = useTranslations("danger");
  const client = useQueryClient();
  const fail = useFailure();
  const me = useQuery(accountQuery).data?.id;
  const others = (useQuery(membersQuery(slug)).data ?? []).filter((member) => member.user !== me);
  const [user, setUser] = useState("");
  const [asking, setAsking] = useState(false);
  const heir = others.find((member) => member.user === user);
  const transfer = useMutation({
    mutationFn: () =>
      done(api.POST("/api/v1/projects/{slug}/transfer", { params: { path: { slug } }, body: { user } })),
    onSuccess: () => toast(t("transferred")),
    onError: fail,
    onSettled: () => {
      setAsking(false);
      for (const queryKey of [
        projectQuery(slug).queryKey,
        membersQuery(slug).queryKey,
        projectsQuery.queryKey,
      ]) {
        void client.invalidateQueries({ queryKey });
      }
    },
  });
  return (
    <div className="grid gap-2">
      <Field label={t("transferTo")} hint={others.length > 0 ? t("transferWhy") : t("transferNobody")}>
        <Select
          value={user}
          onValueChange={setUser}
          disabled={others.length === 0}
          options={others.map((member) => ({ value: member.user, label: member.name }))}
        />
      </Field>
      <div>
        <Button disabled={!heir} onClick={() => setAsking(true)}>
          {t("transfer")}
        </Button>
      </div>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={t("transferTitle", { project: name, name: heir?.name ?? "" })}
        confirmLabel={t("transfer")}
        cancelLabel={t("cancel")}
        busy={transfer.isPending}
        onConfirm={() => transfer.mutate()}
      >
        {t("transferWhy")}
      </Confirm>
    </div>
  );
}

function Delete({ slug, name }: { slug: string; name: string }) {
  const t = useTranslations("danger");
  const client = useQueryClient();
  const navigate = useNavigate();
  const fail = useFailure();
  const undoable = useUndoable();
  const [asking, setAsking] = useState(false);
  const params = { path: { slug } };
  const fresh = () => client.invalidateQueries({ queryKey: projectsQuery.queryKey });
  const remove = useMutation({
    mutationFn: () => done(api.DELETE("/api/v1/projects/{slug}", { params: { ...params, query: { name } } })),
    onSuccess: async () => {
      await navigate({ to: "/projects", ignoreBlocker: true });
      await fresh();
      undoable(t("deleted", { project: name }), async () => {
        await done(api.POST("/api/v1/projects/{slug}/restore", { params }));
        await fresh();
        await navigate({ to: "/p/$slug/runs", params: { slug } });
      });
    },
    onError: fail,
  });
  return (
    <div className="grid gap-2 border-t pt-4">
      <p className="font-medium">{t("delete")}</p>
      <p className="text-muted-foreground">{t("deleteWhy")}</p>
      <div>
        <Button variant="destructive" onClick={() => setAsking(true)}>
          {t("delete")}
        </Button>
      </div>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={t("deleteTitle", { project: name })}
        confirmLabel={t("delete")}
        cancelLabel={t("cancel")}
        typed={{ text: name, label: t("typeName") }}
        busy={remove.isPending}
        onConfirm={() => remove.mutate()}
      >
        {t("deleteWhy")} {t("typeThis", { project: name })}
      </Confirm>
    </div>
  );
}

function Leave({ slug, name }: { slug: string; name: string }) {
  const t = useTranslations("danger");
  const client = useQueryClient();
  const navigate = useNavigate();
  const fail = useFailure();
  const [asking, setAsking] = useState(false);
  const leave = useMutation({
    mutationFn: () => done(api.POST("/api/v1/projects/{slug}/leave", { params: { path: { slug } } })),
    onSuccess: async () => {
      await navigate({ to: "/projects", ignoreBlocker: true });
      await client.invalidateQueries({ queryKey: projectsQuery.queryKey });
    },
    onError: fail,
  });
  return (
    <div className="grid gap-2">
      <p className="text-muted-foreground">{t("leaveWhy")}</p>
      <div>
        <Button onClick={() => setAsking(true)}>{t("leave")}</Button>
      </div>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={t("leaveTitle", { project: name })}
        confirmLabel={t("leave")}
        cancelLabel={t("cancel")}
        busy={leave.isPending}
        onConfirm={() => leave.mutate()}
      >
        {t("leaveWhy")}
      </Confirm>
    </div>
  );
}

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { UserPlus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import { api, body, data, done, isApiError, type Schemas } from "@/api/client";
import { accountQuery, membersQuery, projectQuery } from "@/api/queries";
import { Confirm } from "@/components/ui/alert-dialog";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select } from "@/components/ui/select";
import { ErrorText } from "@/features/frame/error-screens";
import { PageHeader } from "@/features/frame/page-header";
import { useFailure } from "@/features/frame/use-failure";
import { Ago } from "@/features/runs/moments";
import { unique } from "@/lib/unique";

type Role = Schemas["MemberRole"];

export function MembersScreen({ slug }: { slug: string }) {
  const t = useTranslations("members");
  const [inviting, setInviting] = useState(false);
  const role = useQuery(projectQuery(slug)).data?.role ?? "member";
  const members = useQuery(membersQuery(slug)).data ?? [];
  const invitations = useQuery({
    queryKey: ["invitations", slug],
    enabled: role !== "member",
    queryFn: async () =>
      (await body(api.GET("/api/v1/projects/{slug}/invitations", { params: { path: { slug } } }))).data,
  });
  const pending = invitations.data?.filter((invitation) => invitation.status === "pending") ?? [];
  return (
    <>
      <PageHeader title={t("title")}>
        {role === "member" ? null : (
          <Button variant="primary" onClick={() => setInviting(true)}>
            <UserPlus aria-hidden />
            {t("invite")}
          </Button>
        )}
      </PageHeader>
      <ul className="divide-y border-b">
        {members.map((member) => (
          <MemberRow key={member.user} slug={slug} member={member} own={role} />
        ))}
      </ul>
      {pending.length > 0 ? (
        <>
          <h2 className="px-4 pt-5 pb-2 font-medium text-muted-foreground text-xs">{t("pending")}</h2>
          <ul className="divide-y border-y">
            {pending.map((invitation) => (
              <PendingRow key={invitation.id} slug={slug} invitation={invitation} />
            ))}
          </ul>
        </>
      ) : null}
      <Invite slug={slug} open={inviting} onOpenChange={setInviting} />
    </>
  );
}

function MemberRow({ slug, member, own }: { slug: string; member: Schemas["Member"]; own: Role }) {
  const t = useTranslations("members");
  const roles = useTranslations("roles");
  const client = useQueryClient();
  const fail = useFailure();
  const me = useQuery(accountQuery).data?.id === member.user;
  const [asking, setAsking] = useState(false);
  const params = { path: { slug, user: member.user } };
  const fresh = () => void client.invalidateQueries({ queryKey: membersQuery(slug).queryKey });
  const change = useMutation({
    mutationFn: (role: Role) =>
      done(api.PATCH("/api/v1/projects/{slug}/members/{user}", { params, body: { role } })),
    onError: fail,
    onSettled: fresh,
  });
  const remove = useMutation({
    mutationFn: () => done(api.DELETE("/api/v1/projects/{slug}/members/{user}", { params })),
    onError: fail,
    onSettled: () => {
      setAsking(false);
      fresh();
    },
  });
  const mayChange = !me && (own === "owner" || (own === "admin" && member.role === "member"));
  const choices: Role[] = own === "owner" ? ["member", "admin", "owner"] : ["member", "admin"];
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2">
      <span className="grid size-7 place-items-center rounded-full bg-muted font-medium text-xs" aria-hidden>
        {[...member.name][0]?.toUpperCase()}
      </span>
      <span className="grid min-w-0 flex-1">
        <span className="truncate">
          {member.name} {me ? <Badge>{t("you")}</Badge> : null}
        </span>
        <span className="truncate text-[0.8125rem] text-muted-foreground">{member.email}</span>
      </span>
      <span className="text-[0.8125rem] text-muted-foreground max-sm:hidden">
        <Ago at={member.joinedAt} />
      </span>
      {mayChange ? (
        <>
          <Select
            className="w-32"
            aria-label={t("roleOf", { name: member.name })}
            value={member.role}
            onValueChange={(role) => change.mutate(role as Role)}
            options={choices.map((role) => ({ value: role, label: roles(role) }))}
          />
          <Button size="small" onClick={() => setAsking(true)}>
            {t("remove")}
          </Button>
        </>
      ) : (
        <Badge>{roles(member.role)}</Badge>
      )}
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={t("removeTitle", { name: member.name })}
        confirmLabel={t("remove")}
        cancelLabel={t("keep")}
        busy={remove.isPending}
        onConfirm={() => remove.mutate()}
      >
        {t("removeWhy")}
      </Confirm>
    </li>
  );
}

function PendingRow({ slug, invitation }: { slug: string; invitation: Schemas["Invitation"] }) {
  const t = useTranslations("members");
  const roles = useTranslations("roles");
  const client = useQueryClient();
  const fail = useFailure();
  const cancel = useMutation({
    mutationFn: () =>
      done(
        api.DELETE("/api/v1/projects/{slug}/invitations/{invitation}", {
          params: { path: { slug, invitation: invitation.id } },
        }),
      ),
    onError: fail,
    onSettled: () => void client.invalidateQueries({ queryKey: ["invitations", slug] }),
  });
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2">
      <span className="min-w-0 flex-1 truncate">{invitation.email}</span>
      <span className="text-[0.8125rem] text-muted-foreground">
        {t("invitedBy", { name: invitation.inviterName ?? "–" })}
      </span>
      <Badge>{roles(invitation.role)}</Badge>
      <Button size="small" busy={cancel.isPending} onClick={() => cancel.mutate()}>
        {t("cancelInvitation")}
      </Button>
    </li>
  );
}

function Invite({
  slug,
  open,
  onOpenChange,
}: {
  slug: string;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  const t = useTranslations("members");
  const roles = useTranslations("roles");
  const client = useQueryClient();
  const [form, setForm] = useState<{ email: string; role: "member" | "admin" }>({
    email: "",
    role: "member",
  });
  const invite = useMutation({
    mutationFn: () =>
      data(
        api.POST("/api/v1/projects/{slug}/invitations", {
          params: { path: { slug }, header: { "Idempotency-Key": unique() } },
          body: form,
        }),
      ),
    onSuccess: () => {
      toast(t("invited", { email: form.email }));
      setForm({ email: "", role: "member" });
      onOpenChange(false);
      void client.invalidateQueries({ queryKey: ["invitations", slug] });
    },
  });
  const ofEmail = isApiError(invite.error) && invite.error.field === "email";
  return (
    <Dialog open={open} onOpenChange={onOpenChange}>
      <DialogContent title={t("invite")} closeLabel={t("close")}>
        <form
          className="grid gap-4"
          onSubmit={(event: FormEvent) => {
            event.preventDefault();
            invite.mutate();
          }}
        >
          <Field label={t("email")} error={ofEmail ? invite.error?.message : undefined}>
            <Input
              autoFocus
              type="email"
              required
              value={form.email}
              onChange={(event) => setForm({ ...form, email: event.target.value })}
            />
          </Field>
          <Field label={t("role")} hint={t(form.role === "admin" ? "adminMay" : "memberMay")}>
            <Select
              value={form.role}
              onValueChange={(role) => setForm({ ...form, role: role === "admin" ? "admin" : "member" })}
              options={(["member", "admin"] as const).map((role) => ({ value: role, label: roles(role) }))}
            />
          </Field>
          {invite.error && !ofEmail ? (
            <div role="alert" className="text-destructive">
              <ErrorText error={invite.error} />
            </div>
          ) : null}
          <div className="flex justify-end">
            <Button type="submit" variant="primary" busy={invite.isPending}>
              {t("send")}
            </Button>
          </div>
        </form>
      </DialogContent>
    </Dialog>
  );
}

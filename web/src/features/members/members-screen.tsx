import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import {
  ArrowDown,
  ArrowUp,
  ArrowUpDown,
  Copy,
  LogOut,
  MoreHorizontal,
  UserMinus,
  UserPlus,
} from "lucide-react";
import { type FormEvent, useRef, useState } from "react";
import { toast } from "sonner";
import { useLocale, useTranslations } from "use-intl";
import { api, data, done, isApiError, type Schemas } from "@/api/client";
import { expected } from "@/api/optimistic";
import { accountQuery, invitationsQuery, membersQuery, projectQuery, projectsQuery } from "@/api/queries";
import { useEditKey, useListKeys } from "@/commands/list-keys";
import { useCommands } from "@/commands/registry";
import { Confirm } from "@/components/ui/alert-dialog";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { HoverCard, HoverCardContent, HoverCardTrigger, useRowCard } from "@/components/ui/hover-card";
import { Input } from "@/components/ui/input";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "@/components/ui/menu";
import { Select } from "@/components/ui/select";
import { ErrorAlert } from "@/features/frame/error-screens";
import { PageHeader } from "@/features/frame/page-header";
import { useFailure } from "@/features/frame/use-failure";
import { useOptimistic } from "@/features/frame/use-optimistic";
import { Ago } from "@/features/runs/moments";
import { ConfigureTexts } from "@/i18n/configure-texts";
import { cn } from "@/lib/cn";
import { unique } from "@/lib/unique";
import { columns, type Order, sorted } from "./sort";

type Role = Schemas["MemberRole"];

const ROLES: Role[] = ["member", "admin", "owner"];

export function MembersScreen({ slug }: { slug: string }) {
  return (
    <ConfigureTexts>
      <Members slug={slug} />
    </ConfigureTexts>
  );
}

function Members({ slug }: { slug: string }) {
  const t = useTranslations("members");
  const [inviting, setInviting] = useState(false);
  const [handOver, setHandOver] = useState<Schemas["Invitation"] | null>(null);
  const role = useQuery(projectQuery(slug)).data?.role ?? "member";
  const members = useQuery(membersQuery(slug)).data ?? [];
  const invitations = useQuery({ ...invitationsQuery(slug), enabled: role !== "member" });
  useCommands(
    role === "member"
      ? []
      : [
          {
            id: "invite",
            title: t("invite"),
            group: "here",
            icon: UserPlus,
            keys: "c",
            run: () => setInviting(true),
          },
        ],
  );
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
      <MembersTable slug={slug} members={members} own={role} />
      {pending.length > 0 ? (
        <>
          <h2 className="px-4 pt-5 pb-2 font-medium text-muted-foreground text-xs">{t("pending")}</h2>
          <ul className="divide-y border-y">
            {pending.map((invitation) => (
              <PendingRow key={invitation.id} slug={slug} invitation={invitation} onCode={setHandOver} />
            ))}
          </ul>
        </>
      ) : null}
      <Invite slug={slug} open={inviting} onOpenChange={setInviting} onCode={setHandOver} />
      {handOver ? <HandOver invitation={handOver} onClose={() => setHandOver(null)} /> : null}
    </>
  );
}

function MembersTable({ slug, members, own }: { slug: string; members: Schemas["Member"][]; own: Role }) {
  const t = useTranslations("members");
  const locale = useLocale();
  const [order, setOrder] = useState<Order>({ column: "role", descending: false });
  const list = useRef<HTMLTableSectionElement>(null);
  useListKeys(list);
  useEditKey(list);
  return (
    <table className="w-full text-left">
      <caption className="sr-only">{t("title")}</caption>
      <thead className="border-b bg-surface text-muted-foreground text-xs">
        <tr>
          {columns.map((column) => {
            const here = order.column === column;
            const Icon = !here ? ArrowUpDown : order.descending ? ArrowDown : ArrowUp;
            return (
              <th
                key={column}
                scope="col"
                aria-sort={here ? (order.descending ? "descending" : "ascending") : "none"}
                className={cn("px-4 py-1 font-medium", column === "joinedAt" && "max-sm:hidden")}
              >
                <button
                  type="button"
                  className="flex min-h-6 items-center gap-1 hover:text-foreground"
                  onClick={() => setOrder({ column, descending: here && !order.descending })}
                >
                  {t(`columns.${column}`)}
                  <Icon className={cn("size-3.5", !here && "opacity-50")} aria-hidden />
                </button>
              </th>
            );
          })}
          <th scope="col" className="w-12">
            <span className="sr-only">{t("actions")}</span>
          </th>
        </tr>
      </thead>
      <tbody ref={list} className="divide-y border-b">
        {sorted(members, order, locale).map((member) => (
          <MemberRow key={member.user} slug={slug} member={member} own={own} />
        ))}
      </tbody>
    </table>
  );
}

/** A person by their first letter. */
function Face({ name, className }: { name: string; className?: string }) {
  return (
    <span
      className={cn(
        "grid size-7 shrink-0 place-items-center rounded-full bg-muted font-medium text-xs",
        className,
      )}
      aria-hidden
    >
      {[...name][0]?.toUpperCase()}
    </span>
  );
}

function MemberRow({ slug, member, own }: { slug: string; member: Schemas["Member"]; own: Role }) {
  const t = useTranslations("members");
  const roles = useTranslations("roles");
  const client = useQueryClient();
  const navigate = useNavigate();
  const fail = useFailure();
  const me = useQuery(accountQuery).data?.id === member.user;
  const [asking, setAsking] = useState<"remove" | "leave" | null>(null);
  const params = { path: { slug, user: member.user } };
  const change = useOptimistic<Role>({
    of: membersQuery(slug),
    send: (role) => done(api.PATCH("/api/v1/projects/{slug}/members/{user}", { params, body: { role } })),
    expects: (role) => [
      expected(membersQuery(slug), (members) =>
        members.map((each) => (each.user === member.user ? { ...each, role } : each)),
      ),
    ],
  });
  const remove = useOptimistic({
    of: membersQuery(slug),
    send: () => done(api.DELETE("/api/v1/projects/{slug}/members/{user}", { params })),
    expects: () => [
      expected(membersQuery(slug), (members) => members.filter((each) => each.user !== member.user)),
    ],
  });
  const leave = useMutation({
    mutationFn: () => done(api.POST("/api/v1/projects/{slug}/leave", { params: { path: { slug } } })),
    onSuccess: async () => {
      await navigate({ to: "/projects" });
      await client.invalidateQueries({ queryKey: projectsQuery.queryKey });
    },
    onError: fail,
    onSettled: () => setAsking(null),
  });
  // As the server has it: admins remove members and change nobody's role.
  const mayChange = !me && own === "owner";
  const mayRemove = mayChange || (!me && own === "admin" && member.role === "member");
  const { card, row } = useRowCard();
  return (
    <tr {...row} tabIndex={-1} className="focus-visible:-outline-offset-2">
      <td className="px-4 py-2">
        <HoverCard {...card}>
          <div className="flex items-center gap-3">
            <Face name={member.name} />
            <span className="grid min-w-0">
              <span className="flex items-center gap-2">
                <HoverCardTrigger asChild>
                  <span className="max-w-[16rem] truncate sm:max-w-sm">{member.name}</span>
                </HoverCardTrigger>
                {me ? <Badge>{t("you")}</Badge> : null}
              </span>
              <span className="max-w-[12rem] truncate text-[0.8125rem] text-muted-foreground sm:max-w-sm">
                {member.email}
              </span>
            </span>
          </div>
          <HoverCardContent>
            <div className="flex items-center gap-3">
              <Face name={member.name} className="size-10 text-base" />
              <div className="grid min-w-0">
                <span className="font-medium">{member.name}</span>
                <span className="text-muted-foreground">{member.email}</span>
              </div>
            </div>
            <p className="mt-2 text-muted-foreground">
              {roles(member.role)} · {t.rich("since", { at: () => <Ago at={member.joinedAt} /> })}
            </p>
          </HoverCardContent>
        </HoverCard>
      </td>
      <td className="px-4 py-2">
        {mayChange ? (
          <Select
            data-edits
            className="w-28 sm:w-32"
            aria-label={t("roleOf", { name: member.name })}
            value={member.role}
            onValueChange={(role) => change.mutate(role as Role)}
            options={ROLES.map((role) => ({ value: role, label: roles(role) }))}
          />
        ) : (
          <Badge>{roles(member.role)}</Badge>
        )}
      </td>
      <td className="whitespace-nowrap px-4 py-2 text-[0.8125rem] text-muted-foreground max-sm:hidden">
        <Ago at={member.joinedAt} />
      </td>
      <td className="py-2 pr-3 text-right">
        {mayRemove || (me && member.role !== "owner") ? (
          <Menu>
            <Button asChild variant="ghost" size="icon-small">
              <MenuTrigger aria-label={t("actionsOf", { name: member.name })}>
                <MoreHorizontal aria-hidden />
              </MenuTrigger>
            </Button>
            <MenuContent align="end">
              {member.email ? (
                <MenuItem onSelect={() => void navigator.clipboard?.writeText(member.email ?? "")}>
                  <Copy aria-hidden />
                  {t("copyEmail")}
                </MenuItem>
              ) : null}
              {me ? (
                <MenuItem destructive onSelect={() => setAsking("leave")}>
                  <LogOut aria-hidden />
                  {t("leave")}
                </MenuItem>
              ) : (
                <MenuItem destructive onSelect={() => setAsking("remove")}>
                  <UserMinus aria-hidden />
                  {t("remove")}
                </MenuItem>
              )}
            </MenuContent>
          </Menu>
        ) : null}
        <Confirm
          open={asking !== null}
          onOpenChange={(open) => !open && setAsking(null)}
          title={asking === "leave" ? t("leaveTitle") : t("removeTitle", { name: member.name })}
          confirmLabel={asking === "leave" ? t("leave") : t("remove")}
          cancelLabel={t("keep")}
          busy={leave.isPending}
          onConfirm={() => {
            if (asking === "leave") {
              leave.mutate();
            } else {
              setAsking(null);
              remove.mutate();
            }
          }}
        >
          {asking === "leave" ? t("leaveWhy") : t("removeWhy")}
        </Confirm>
      </td>
    </tr>
  );
}

type PendingRowProps = {
  slug: string;
  invitation: Schemas["Invitation"];
  onCode: (invitation: Schemas["Invitation"]) => void;
};

function PendingRow({ slug, invitation, onCode }: PendingRowProps) {
  const t = useTranslations("members");
  const roles = useTranslations("roles");
  const fail = useFailure();
  const cancel = useOptimistic({
    of: invitationsQuery(slug),
    send: () =>
      done(
        api.DELETE("/api/v1/projects/{slug}/invitations/{invitation}", {
          params: { path: { slug, invitation: invitation.id } },
        }),
      ),
    expects: () => [
      expected(invitationsQuery(slug), (invitations) =>
        invitations.filter((each) => each.id !== invitation.id),
      ),
    ],
  });
  const resend = useMutation({
    mutationFn: () =>
      data(
        api.POST("/api/v1/projects/{slug}/invitations/{invitation}/resend", {
          params: { path: { slug, invitation: invitation.id } },
        }),
      ),
    onSuccess: (again) => (again.code ? onCode(again) : toast(t("resent", { email: invitation.email }))),
    onError: fail,
  });
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2">
      <span className="min-w-0 flex-1 basis-40 truncate">{invitation.email}</span>
      <span className="text-[0.8125rem] text-muted-foreground">
        {t("invitedBy", { name: invitation.inviterName ?? "–" })}
      </span>
      <Badge>{roles(invitation.role)}</Badge>
      <Button size="small" busy={resend.isPending} onClick={() => resend.mutate()}>
        {t("resend")}
      </Button>
      <Button size="small" onClick={() => cancel.mutate()}>
        {t("cancelInvitation")}
      </Button>
    </li>
  );
}

function Invite({
  slug,
  open,
  onOpenChange,
  onCode,
}: {
  slug: string;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** Where the server sends no mail: the code is handed over by whoever invites. */
  onCode: (invitation: Schemas["Invitation"]) => void;
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
    onSuccess: (made) => {
      if (made.code) {
        onCode(made);
      } else {
        toast(t("invited", { email: form.email }));
      }
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
          {invite.error && !ofEmail ? <ErrorAlert error={invite.error} /> : null}
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

/** What the invited person needs where no mail is sent, this once. */
function HandOver({ invitation, onClose }: { invitation: Schemas["Invitation"]; onClose: () => void }) {
  const t = useTranslations("members");
  const link = `${location.origin}/invitations/${invitation.id}#code=${invitation.code}`;
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()}>
      <DialogContent
        title={t("handOverTitle", { email: invitation.email })}
        description={t("handOverWhy")}
        closeLabel={t("close")}
      >
        <Field label={t("link")}>
          <Input readOnly autoFocus value={link} onFocus={(event) => event.target.select()} />
        </Field>
        <div className="flex justify-end gap-2">
          <Button onClick={() => void navigator.clipboard?.writeText(link)}>
            <Copy aria-hidden />
            {t("copy")}
          </Button>
          <Button variant="primary" onClick={onClose}>
            {t("done")}
          </Button>
        </div>
      </DialogContent>
    </Dialog>
  );
}

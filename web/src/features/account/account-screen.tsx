import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import { api, done, isApiError, type Schemas } from "@/api/client";
import { expected } from "@/api/optimistic";
import { accountQuery, serverQuery, sessionsQuery } from "@/api/queries";
import { Confirm } from "@/components/ui/alert-dialog";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { useLeave } from "@/features/access/use-leave";
import { ErrorAlert } from "@/features/frame/error-screens";
import { PageHeader } from "@/features/frame/page-header";
import { useFailure } from "@/features/frame/use-failure";
import { useOptimistic } from "@/features/frame/use-optimistic";
import { Ago } from "@/features/runs/moments";
import { ConfigureTexts } from "@/i18n/configure-texts";
import { deviceOf } from "@/lib/device";

export function AccountScreen() {
  return (
    <ConfigureTexts>
      <AccountSettings />
    </ConfigureTexts>
  );
}

function AccountSettings() {
  const t = useTranslations("account");
  const account = useQuery(accountQuery).data;
  return (
    <>
      <PageHeader title={t("title")} />
      <div className="grid max-w-2xl gap-4 p-4">
        {account ? <Profile account={account} /> : null}
        {account?.hasPassword ? <Password /> : null}
        <Devices />
        {account ? <DeleteAccount account={account} /> : null}
      </div>
    </>
  );
}

function Profile({ account }: { account: Schemas["Account"] }) {
  const t = useTranslations("account");
  const [name, setName] = useState(account.name);
  const fail = useFailure();
  const save = useOptimistic<string>({
    of: accountQuery,
    send: (next) => done(api.PATCH("/api/v1/account", { body: { name: next } })),
    expects: (next) => [expected(accountQuery, (account) => account && { ...account, name: next })],
    onDone: () => toast(t("saved")),
  });
  // Links by mail are only offered where mail is sent.
  const sendsMail = useQuery(serverQuery).data?.magicLink ?? false;
  const resend = useMutation({
    mutationFn: () =>
      done(api.POST("/api/v1/auth/verify-email/resend", { body: { email: account.email ?? "" } })),
    onSuccess: () => toast(t("resent")),
    onError: fail,
  });
  return (
    <Card className="p-4">
      <form
        className="grid gap-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          save.mutate(name);
        }}
      >
        <h2 className="font-semibold">{t("profile")}</h2>
        <Field label={t("name")} error={isApiError(save.error) ? save.error.message : undefined}>
          <Input required maxLength={80} value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
        <p className="text-muted-foreground">
          {account.email} <Badge>{account.emailVerifiedAt ? t("verified") : t("unverified")}</Badge>
        </p>
        <div className="flex flex-wrap gap-2">
          <Button type="submit" disabled={name === account.name}>
            {t("save")}
          </Button>
          {account.email && !account.emailVerifiedAt && sendsMail ? (
            <Button busy={resend.isPending} onClick={() => resend.mutate()}>
              {t("resend")}
            </Button>
          ) : null}
        </div>
      </form>
    </Card>
  );
}

function Password() {
  const t = useTranslations("account");
  const [form, setForm] = useState({ current: "", next: "" });
  const change = useMutation({
    mutationFn: () =>
      done(
        api.PUT("/api/v1/account/password", { body: { currentPassword: form.current, password: form.next } }),
      ),
    onSuccess: () => {
      toast(t("passwordChanged"));
      setForm({ current: "", next: "" });
    },
  });
  return (
    <Card className="p-4">
      <form
        className="grid gap-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          change.mutate();
        }}
      >
        <h2 className="font-semibold">{t("password")}</h2>
        <Field label={t("currentPassword")}>
          <Input
            type="password"
            autoComplete="current-password"
            required
            value={form.current}
            onChange={(event) => setForm({ ...form, current: event.target.value })}
          />
        </Field>
        <Field label={t("newPassword")} error={isApiError(change.error) ? change.error.message : undefined}>
          <Input
            type="password"
            autoComplete="new-password"
            minLength={10}
            required
            value={form.next}
            onChange={(event) => setForm({ ...form, next: event.target.value })}
          />
        </Field>
        <div>
          <Button type="submit" busy={change.isPending}>
            {t("changePassword")}
          </Button>
        </div>
      </form>
    </Card>
  );
}

function Devices() {
  const t = useTranslations("account");
  const sessions = useQuery(sessionsQuery).data ?? [];
  const end = useOptimistic<string>({
    of: sessionsQuery,
    send: (session) =>
      done(api.DELETE("/api/v1/account/sessions/{session}", { params: { path: { session } } })),
    expects: (session) => [expected(sessionsQuery, (all) => all.filter((each) => each.id !== session))],
  });
  const endOthers = useOptimistic({
    of: sessionsQuery,
    send: () => done(api.DELETE("/api/v1/account/sessions")),
    expects: () => [expected(sessionsQuery, (all) => all.filter((each) => each.isCurrent))],
  });
  return (
    <Card className="grid gap-3 p-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h2 className="font-semibold">{t("devices")}</h2>
        {sessions.length > 1 ? (
          <Button size="small" onClick={() => endOthers.mutate()}>
            {t("endOthers")}
          </Button>
        ) : null}
      </div>
      <ul className="-mx-4 -mb-4 divide-y border-t">
        {sessions.map((session) => (
          <li key={session.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2">
            <span className="grid min-w-0 flex-1">
              <DeviceName device={session.device} />
              <span className="text-[0.8125rem] text-muted-foreground">
                {session.address} · <Ago at={session.lastUsedAt} />
              </span>
            </span>
            {session.isCurrent ? (
              <Badge>{t("thisDevice")}</Badge>
            ) : (
              <Button size="small" onClick={() => end.mutate(session.id)}>
                {t("end")}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function DeviceName({ device }: { device: string | null }) {
  const t = useTranslations("account");
  const known = deviceOf(device ?? "");
  return (
    <span className="truncate" title={device ?? undefined}>
      {known ? t("deviceOf", known) : device || t("unknownDevice")}
    </span>
  );
}

function DeleteAccount({ account }: { account: Schemas["Account"] }) {
  const t = useTranslations("account");
  const leave = useLeave();
  const [asking, setAsking] = useState(false);
  const [password, setPassword] = useState("");
  const remove = useMutation({
    mutationFn: () =>
      done(api.DELETE("/api/v1/account", { body: account.hasPassword ? { currentPassword: password } : {} })),
    onSuccess: leave,
  });
  const close = () => {
    setAsking(false);
    setPassword("");
    remove.reset();
  };
  return (
    <Card className="grid gap-3 border-destructive/50 p-4">
      <h2 className="font-semibold">{t("delete")}</h2>
      <p className="text-muted-foreground">{t("deleteWhy")}</p>
      <div>
        <Button variant="destructive" onClick={() => setAsking(true)}>
          {t("delete")}
        </Button>
      </div>
      <Confirm
        open={asking}
        onOpenChange={(open) => (open ? setAsking(true) : close())}
        title={t("deleteTitle")}
        confirmLabel={t("delete")}
        cancelLabel={t("cancel")}
        busy={remove.isPending}
        onConfirm={() => remove.mutate()}
      >
        <div className="grid gap-3">
          <p>{t("deleteWhy")}</p>
          {account.hasPassword ? (
            <Field label={t("currentPassword")}>
              <Input
                type="password"
                autoComplete="current-password"
                value={password}
                onChange={(event) => setPassword(event.target.value)}
              />
            </Field>
          ) : null}
          {remove.error ? <ErrorAlert error={remove.error} /> : null}
        </div>
      </Confirm>
    </Card>
  );
}

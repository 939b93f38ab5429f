// Where the links of mails lead: proving an address, signing in, setting another password. The token is behind the `#`,
// which no server and no log sees, and is used only when somebody presses: what looks at links by itself uses up none.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useLocation, useNavigate } from "@tanstack/react-router";
import { type FormEvent, type ReactNode, useState } from "react";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import { api, data, done, isApiError } from "@/api/client";
import { accountQuery } from "@/api/queries";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { ErrorAlert } from "@/features/frame/error-screens";
import { ConfigureTexts } from "@/i18n/configure-texts";
import { AccessFrame } from "./access-frame";
import { fromFragment } from "./fragment";
import { useEnter } from "./use-enter";

export function VerifyEmailScreen() {
  return (
    <ConfigureTexts>
      <VerifyEmail />
    </ConfigureTexts>
  );
}

function VerifyEmail() {
  const t = useTranslations("links");
  const client = useQueryClient();
  const navigate = useNavigate();
  const enter = useEnter();
  const [token] = useState(() => fromFragment("token"));
  const verify = useMutation({
    mutationFn: () => data(api.POST("/api/v1/auth/verify-email", { body: { token, delivery: "cookie" } })),
    onSuccess: async (result) => {
      toast(t("verified"));
      if (result.outcome === "signedIn") {
        await enter();
      } else {
        await client.invalidateQueries({ queryKey: accountQuery.queryKey });
        await navigate({ to: "/" });
      }
    },
  });
  return (
    <LinkFrame title={t("verifyTitle")} error={verify.error} usable={token !== ""}>
      <p className="text-muted-foreground">{t("verifyWhy")}</p>
      <Button variant="primary" size="large" busy={verify.isPending} onClick={() => verify.mutate()}>
        {t("verify")}
      </Button>
    </LinkFrame>
  );
}

export function MagicLinkScreen() {
  return (
    <ConfigureTexts>
      <MagicLink />
    </ConfigureTexts>
  );
}

function MagicLink() {
  const t = useTranslations("links");
  const enter = useEnter();
  const [token] = useState(() => fromFragment("token"));
  const confirm = useMutation({
    mutationFn: () =>
      data(api.POST("/api/v1/auth/magic-link/confirm", { body: { token, delivery: "cookie" } })),
    onSuccess: () => enter(),
  });
  return (
    <LinkFrame title={t("magicTitle")} error={confirm.error} usable={token !== ""}>
      <Button variant="primary" size="large" busy={confirm.isPending} onClick={() => confirm.mutate()}>
        {t("magic")}
      </Button>
    </LinkFrame>
  );
}

export function PasswordResetScreen() {
  return (
    <ConfigureTexts>
      <PasswordReset />
    </ConfigureTexts>
  );
}

function PasswordReset() {
  // The link of the mail may be opened on the very screen that asked for it.
  const token = fromFragment("token", useLocation({ select: ({ hash }) => hash }));
  return token ? <SetPassword token={token} /> : <AskForReset />;
}

function SetPassword({ token }: { token: string }) {
  const t = useTranslations("links");
  const navigate = useNavigate();
  const [password, setPassword] = useState("");
  const set = useMutation({
    mutationFn: () => done(api.POST("/api/v1/auth/password-reset/confirm", { body: { token, password } })),
    onSuccess: async () => {
      toast(t("passwordSet"));
      await navigate({ to: "/sign-in", search: {} });
    },
  });
  const ofPassword = isApiError(set.error) && set.error.field === "password";
  return (
    <LinkFrame title={t("resetTitle")} error={ofPassword ? null : set.error} usable>
      <form
        className="grid gap-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          set.mutate();
        }}
      >
        <p className="text-muted-foreground">{t("resetWhy")}</p>
        <Field
          label={t("newPassword")}
          hint={t("passwordRule")}
          error={ofPassword ? set.error?.message : undefined}
        >
          <Input
            type="password"
            autoComplete="new-password"
            autoFocus
            required
            minLength={10}
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        </Field>
        <Button type="submit" variant="primary" size="large" busy={set.isPending}>
          {t("setPassword")}
        </Button>
      </form>
    </LinkFrame>
  );
}

function AskForReset() {
  const t = useTranslations("links");
  const [email, setEmail] = useState("");
  const ask = useMutation({
    mutationFn: () => done(api.POST("/api/v1/auth/password-reset", { body: { email } })),
  });
  return (
    <LinkFrame title={t("forgotTitle")} error={ask.error} usable>
      <form
        className="grid gap-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          ask.mutate();
        }}
      >
        <Field label={t("email")}>
          <Input
            type="email"
            autoComplete="username"
            autoFocus
            required
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
        </Field>
        <Button type="submit" variant="primary" size="large" busy={ask.isPending}>
          {t("sendReset")}
        </Button>
        <p role="status" className="text-center text-muted-foreground">
          {ask.isSuccess ? t("resetSent") : null}
        </p>
      </form>
    </LinkFrame>
  );
}

type LinkFrameProps = { title: string; error: unknown; usable: boolean; children: ReactNode };

function LinkFrame({ title, error, usable, children }: LinkFrameProps) {
  const t = useTranslations("links");
  return (
    <AccessFrame title={title}>
      {usable ? children : <p>{t("broken")}</p>}
      {error ? <ErrorAlert error={error} /> : null}
      <p className="text-center text-muted-foreground">
        <Link to="/sign-in" search={{}} className="text-primary underline underline-offset-2">
          {t("toSignIn")}
        </Link>
      </p>
    </AccessFrame>
  );
}

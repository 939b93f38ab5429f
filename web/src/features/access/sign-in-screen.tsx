import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslations } from "use-intl";
import { api, body, done, isApiError } from "@/api/client";
import { serverQuery } from "@/api/queries";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { ErrorAlert } from "@/features/frame/error-screens";
import { AccessFrame } from "./access-frame";
import { useEnter } from "./use-enter";

export function SignInScreen({ next }: { next: string | undefined }) {
  const t = useTranslations("access");
  const server = useQuery(serverQuery).data;
  const enter = useEnter(next);
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const signIn = useMutation({
    mutationFn: () => body(api.POST("/api/v1/auth/sign-in", { body: { email, password } })),
    onSuccess: enter,
  });
  const sendLink = useMutation({
    mutationFn: () => done(api.POST("/api/v1/auth/magic-link", { body: { email } })),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate();
  };
  const refused = isApiError(signIn.error, "AUTH_INVALID");
  return (
    <AccessFrame title={t("signIn")}>
      {server?.signInProviders.map((provider) => (
        <Button key={provider.id} asChild size="large">
          <a href={`/api/v1/auth/providers/${provider.id}/start`}>{t("with", { provider: provider.name })}</a>
        </Button>
      ))}
      {server?.passwordSignIn ? (
        <form onSubmit={submit} className="grid gap-4">
          <Field label={t("email")}>
            <Input
              type="email"
              autoComplete="username"
              required
              value={email}
              onChange={(event) => setEmail(event.target.value)}
            />
          </Field>
          <Field label={t("password")} error={refused ? t("refused") : undefined}>
            <Input
              type="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
          </Field>
          {signIn.error && !refused ? <ErrorAlert error={signIn.error} /> : null}
          <Button type="submit" variant="primary" size="large" busy={signIn.isPending}>
            {t("signIn")}
          </Button>
        </form>
      ) : null}
      {server?.magicLink ? (
        <div className="grid gap-2">
          <Button
            variant="ghost"
            disabled={!email}
            busy={sendLink.isPending}
            onClick={() => sendLink.mutate()}
          >
            {t("sendLink")}
          </Button>
          <Link to="/password-reset" className="text-center text-primary underline underline-offset-2">
            {t("forgot")}
          </Link>
          <p role="status" className="text-center text-muted-foreground">
            {sendLink.isSuccess ? t("linkSent") : null}
          </p>
        </div>
      ) : null}
      {server && server.signUp !== "closed" ? (
        <p className="text-center text-muted-foreground">
          {t("noAccount")}{" "}
          <Link
            to="/sign-up"
            search={next ? { next } : {}}
            className="text-primary underline underline-offset-2"
          >
            {t("signUp")}
          </Link>
        </p>
      ) : null}
    </AccessFrame>
  );
}

import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslations } from "use-intl";
import { api, data, isApiError } from "@/api/client";
import { serverQuery } from "@/api/queries";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { ErrorAlert } from "@/features/frame/error-screens";
import { AccessFrame } from "./access-frame";
import { fromFragment, keptFragment } from "./fragment";
import { useEnter } from "./use-enter";

export function SignUpScreen({ next }: { next: string | undefined }) {
  const t = useTranslations("access");
  const server = useQuery(serverQuery).data;
  const enter = useEnter(next);
  const [form, setForm] = useState({ email: "", name: "", password: "" });
  // Whoever follows the link of an invitation has its code behind the `#`.
  const [code, setCode] = useState(() => fromFragment("code", keptFragment(next)));
  const wantsCode = server?.signUp === "invitation" && !server.needsOperator;
  const signUp = useMutation({
    mutationFn: () =>
      data(
        api.POST("/api/v1/auth/sign-up", {
          body: { ...form, ...(wantsCode && code.trim() ? { invitationCode: code.trim() } : {}) },
        }),
      ),
    onSuccess: (result) => (result.outcome === "signedIn" ? enter() : undefined),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signUp.mutate();
  };
  const errorOf = (field: string) =>
    isApiError(signUp.error) && signUp.error.field === field ? signUp.error.message : undefined;
  const named = isApiError(signUp.error) && ["email", "name", "password"].includes(signUp.error.field ?? "");
  if (signUp.data?.outcome === "answeredByMail") {
    return (
      <AccessFrame title={t("lookAtMail")}>
        <p className="text-muted-foreground">{t("mailSent", { email: form.email })}</p>
      </AccessFrame>
    );
  }
  return (
    <AccessFrame title={server?.needsOperator ? t("firstAccount") : t("signUp")}>
      {server?.needsOperator ? <p className="text-muted-foreground">{t("firstAccountWhy")}</p> : null}
      <form onSubmit={submit} className="grid gap-4">
        <Field label={t("name")} error={errorOf("name")}>
          <Input
            autoComplete="name"
            required
            maxLength={80}
            value={form.name}
            onChange={(event) => setForm({ ...form, name: event.target.value })}
          />
        </Field>
        <Field label={t("email")} error={errorOf("email")}>
          <Input
            type="email"
            autoComplete="username"
            required
            value={form.email}
            onChange={(event) => setForm({ ...form, email: event.target.value })}
          />
        </Field>
        <Field label={t("password")} hint={t("passwordRule")} error={errorOf("password")}>
          <Input
            type="password"
            autoComplete="new-password"
            required
            minLength={10}
            value={form.password}
            onChange={(event) => setForm({ ...form, password: event.target.value })}
          />
        </Field>
        {wantsCode ? (
          <Field label={t("invitationCode")} hint={t("invitationCodeWhy")}>
            <Input
              autoComplete="off"
              spellCheck={false}
              maxLength={128}
              value={code}
              onChange={(event) => setCode(event.target.value)}
            />
          </Field>
        ) : null}
        {signUp.error && !named ? <ErrorAlert error={signUp.error} /> : null}
        <Button type="submit" variant="primary" size="large" busy={signUp.isPending}>
          {server?.needsOperator ? t("begin") : t("signUp")}
        </Button>
      </form>
      {server?.needsOperator ? null : (
        <p className="text-center text-muted-foreground">
          {t("haveAccount")}{" "}
          <Link
            to="/sign-in"
            search={next ? { next } : {}}
            className="text-primary underline underline-offset-2"
          >
            {t("signIn")}
          </Link>
        </p>
      )}
    </AccessFrame>
  );
}

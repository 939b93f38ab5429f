// One invitation, where the link in its mail leads, or the link that whoever invites hands over with a code behind `#`.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Mail } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslations } from "use-intl";
import { api, data, done } from "@/api/client";
import { ownInvitationsQuery, projectsQuery } from "@/api/queries";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { fromFragment } from "@/features/access/fragment";
import { ErrorAlert } from "@/features/frame/error-screens";
import { PageHeader } from "@/features/frame/page-header";
import { ConfigureTexts } from "@/i18n/configure-texts";

export function InvitationScreen({ id }: { id: string }) {
  return (
    <ConfigureTexts>
      <Invitation id={id} />
    </ConfigureTexts>
  );
}

function Invitation({ id }: { id: string }) {
  const t = useTranslations("links");
  const client = useQueryClient();
  const navigate = useNavigate();
  const invitation = (useQuery(ownInvitationsQuery).data ?? []).find((each) => each.id === id);
  const [code, setCode] = useState(() => fromFragment("code"));
  const params = { path: { invitation: id } };
  const fresh = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: projectsQuery.queryKey }),
      client.invalidateQueries({ queryKey: ownInvitationsQuery.queryKey }),
    ]);
  const accept = useMutation({
    mutationFn: () =>
      code.trim()
        ? data(api.POST("/api/v1/invitations/{invitation}/redeem", { params, body: { code: code.trim() } }))
        : data(api.POST("/api/v1/invitations/{invitation}/accept", { params })),
    onSuccess: async ({ slug }) => {
      await fresh();
      await navigate({ to: "/p/$slug/runs", params: { slug } });
    },
  });
  const decline = useMutation({
    mutationFn: () => done(api.POST("/api/v1/invitations/{invitation}/decline", { params })),
    onSuccess: async () => {
      await fresh();
      await navigate({ to: "/projects" });
    },
  });
  const error = accept.error ?? decline.error;
  return (
    <>
      <PageHeader title={t("invitation")} />
      <div className="grid max-w-lg p-4">
        <Card className="grid gap-4 p-4">
          <p className="flex items-center gap-2">
            <Mail className="size-4 shrink-0 text-muted-foreground" aria-hidden />
            {invitation
              ? t("invitedTo", {
                  inviter: invitation.inviterName ?? "–",
                  project: invitation.projectName,
                })
              : t("invitedWithCode")}
          </p>
          <form
            className="grid gap-4"
            onSubmit={(event: FormEvent) => {
              event.preventDefault();
              accept.mutate();
            }}
          >
            <Field label={t("code")} hint={t("codeWhy")}>
              <Input
                autoComplete="off"
                spellCheck={false}
                maxLength={128}
                required={!invitation}
                value={code}
                onChange={(event) => setCode(event.target.value)}
              />
            </Field>
            {error ? <ErrorAlert error={error} /> : null}
            <div className="flex gap-2">
              <Button type="submit" variant="primary" busy={accept.isPending}>
                {t("accept")}
              </Button>
              {invitation ? (
                <Button busy={decline.isPending} onClick={() => decline.mutate()}>
                  {t("decline")}
                </Button>
              ) : null}
            </div>
          </form>
        </Card>
      </div>
    </>
  );
}

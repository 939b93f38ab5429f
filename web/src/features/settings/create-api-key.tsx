// Making a key: a name, an end, and for each kind of thing nothing, reading, or reading and writing.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Check, Copy } from "lucide-react";
import { type FormEvent, useState } from "react";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import { api, data, isApiError, type Schemas } from "@/api/client";
import { apiKeysQuery } from "@/api/queries";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select } from "@/components/ui/select";
import { ErrorAlert } from "@/features/frame/error-screens";
import { unique } from "@/lib/unique";
import { type Access, permissionsOf, resources, type Scopes } from "./scopes";

/** After how many days a key ends; none for never. */
const ends = ["30", "90", "365", "never"] as const;
const DAY = 86_400;

/** What is offered with one press. */
const presets = {
  runs: { runs: "write", workflows: "read", sandboxes: "read", project: "read" },
  reading: Object.fromEntries(resources.map((resource) => [resource, "read"])),
} satisfies Record<string, Scopes>;

type CreateApiKeyProps = {
  slug: string;
  onClose: () => void;
  onMade: (made: Schemas["CreatedApiKey"]) => void;
};

export function CreateApiKey({ slug, onClose, onMade }: CreateApiKeyProps) {
  const t = useTranslations("apiKeys");
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [end, setEnd] = useState<string>("90");
  const [scopes, setScopes] = useState<Scopes>(presets.runs);
  const permissions = permissionsOf(scopes);
  const create = useMutation({
    mutationFn: () =>
      data(
        api.POST("/api/v1/projects/{slug}/keys", {
          params: { path: { slug }, header: { "Idempotency-Key": unique() } },
          body: { name, permissions, expiresInSeconds: end === "never" ? null : Number(end) * DAY },
        }),
      ),
    onSuccess: (made) => {
      void client.invalidateQueries({ queryKey: apiKeysQuery(slug).queryKey });
      onMade(made);
    },
  });
  const ofName = isApiError(create.error) && create.error.field === "name";
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()}>
      <DialogContent title={t("create")} closeLabel={t("close")}>
        <form
          className="grid gap-4"
          onSubmit={(event: FormEvent) => {
            event.preventDefault();
            create.mutate();
          }}
        >
          <Field label={t("name")} error={ofName ? create.error?.message : undefined}>
            <Input
              autoFocus
              required
              maxLength={80}
              placeholder={t("nameExample")}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          </Field>
          <Field label={t("expires")}>
            <Select
              value={end}
              onValueChange={setEnd}
              options={ends.map((each) => ({ value: each, label: t(`expiry.${each}`) }))}
            />
          </Field>
          <fieldset className="grid gap-2">
            <legend className="font-medium">{t("scopes")}</legend>
            <div className="mt-1.5 flex flex-wrap gap-2">
              <Button size="small" onClick={() => setScopes(presets.runs)}>
                {t("presets.runs")}
              </Button>
              <Button size="small" onClick={() => setScopes(presets.reading)}>
                {t("presets.reading")}
              </Button>
            </div>
            <ul className="divide-y rounded-md border">
              {resources.map((resource) => (
                <li key={resource} className="flex items-center justify-between gap-3 px-3 py-1.5">
                  <span className="min-w-0">{t(`resources.${resource}`)}</span>
                  <Select
                    className="w-40 shrink-0"
                    aria-label={t(`resources.${resource}`)}
                    value={scopes[resource] ?? "none"}
                    onValueChange={(access) => setScopes({ ...scopes, [resource]: access as Access })}
                    options={(["none", "read", "write"] as const).map((access) => ({
                      value: access,
                      label: t(`access.${access}`),
                    }))}
                  />
                </li>
              ))}
            </ul>
          </fieldset>
          {create.error && !ofName ? <ErrorAlert error={create.error} /> : null}
          <div className="flex items-center justify-end gap-2">
            {permissions.length === 0 ? <p className="flex-1 text-muted-foreground">{t("noScope")}</p> : null}
            <Button
              type="submit"
              variant="primary"
              busy={create.isPending}
              disabled={permissions.length === 0}
            >
              {t("create")}
            </Button>
          </div>
        </form>
      </DialogContent>
    </Dialog>
  );
}

/** The token of a key that was made, this once. */
export function ShowToken({ made, onClose }: { made: Schemas["CreatedApiKey"]; onClose: () => void }) {
  const t = useTranslations("apiKeys");
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(made.token);
      setCopied(true);
    } catch {
      toast(t("copyByHand"));
    }
  };
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()}>
      <DialogContent
        title={t("madeTitle", { name: made.key.name })}
        description={t("madeWhy")}
        closeLabel={t("close")}
      >
        <div className="flex items-center gap-2">
          <Input
            readOnly
            autoFocus
            aria-label={t("token")}
            className="font-mono text-[0.8125rem]"
            value={made.token}
            onFocus={(event) => event.target.select()}
          />
          <Button onClick={() => void copy()}>
            {copied ? <Check aria-hidden /> : <Copy aria-hidden />}
            {copied ? t("copied") : t("copy")}
          </Button>
        </div>
        <div className="flex justify-end">
          <Button variant="primary" onClick={onClose}>
            {t("kept")}
          </Button>
        </div>
      </DialogContent>
    </Dialog>
  );
}

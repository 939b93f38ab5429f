// A new workflow: its name, and what it begins with, be it a shape or another workflow.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslations } from "use-intl";
import { api, body, isApiError, type Schemas } from "@/api/client";
import { workflowsQuery } from "@/api/queries";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select } from "@/components/ui/select";
import { ErrorAlert } from "@/features/frame/error-screens";
import { type Pipeline, shapes } from "./pipeline";

type Shape = keyof typeof shapes;

type NewWorkflowProps = {
  slug: string;
  /** The workflow that it becomes a copy of. */
  copyOf?: { name: string; description: string; pipeline: Pipeline };
  onClose: () => void;
};

export function NewWorkflow({ slug, copyOf, onClose }: NewWorkflowProps) {
  const t = useTranslations("workflow");
  const client = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState(copyOf ? `my-${copyOf.name}`.slice(0, 64) : "");
  const [shape, setShape] = useState<Shape>("designer-checker");
  const create = useMutation({
    mutationFn: () =>
      body(
        // Without a tag it is only taken as a new one: nothing that is there is overwritten.
        api.PUT("/api/v1/projects/{slug}/workflows/{name}", {
          params: { path: { slug, name } },
          body: {
            description: copyOf?.description ?? "",
            pipeline: (copyOf?.pipeline ?? shapes[shape]()) as Schemas["PipelineNode"][],
          },
        }),
      ),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: workflowsQuery(slug).queryKey });
      onClose();
      await navigate({ to: "/p/$slug/workflows/$name", params: { slug, name } });
    },
  });
  const taken = isApiError(create.error, "PRECONDITION_REQUIRED") || isApiError(create.error, "CONFLICT");
  const ofName = isApiError(create.error) && create.error.field === "name";
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()}>
      <DialogContent
        title={copyOf ? t("copyTitle", { name: copyOf.name }) : t("new")}
        description={copyOf ? t("copyWhy") : undefined}
        closeLabel={t("close")}
      >
        <form
          className="grid gap-4"
          onSubmit={(event: FormEvent) => {
            event.preventDefault();
            create.mutate();
          }}
        >
          <Field
            label={t("name")}
            hint={t("nameHint")}
            error={taken ? t("taken") : ofName ? create.error?.message : undefined}
          >
            <Input
              autoFocus
              required
              maxLength={64}
              pattern="[a-z0-9]+(-[a-z0-9]+)*"
              placeholder="plan-and-build"
              value={name}
              onChange={(event) => {
                create.reset();
                setName(event.target.value);
              }}
            />
          </Field>
          {copyOf ? null : (
            <Field label={t("shape")} hint={t(`shapeWhys.${shape}`)}>
              <Select
                value={shape}
                onValueChange={(chosen) => setShape(chosen as Shape)}
                options={(Object.keys(shapes) as Shape[]).map((each) => ({
                  value: each,
                  label: t(`shapes.${each}`),
                }))}
              />
            </Field>
          )}
          {create.error && !taken && !ofName ? <ErrorAlert error={create.error} /> : null}
          <div className="flex justify-end">
            <Button type="submit" variant="primary" busy={create.isPending}>
              {t("create")}
            </Button>
          </div>
        </form>
      </DialogContent>
    </Dialog>
  );
}

// The comments become one message: to the step that works now if it takes messages, else to a new run that goes on from
// this one's branch.
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import { api, data, type Schemas } from "@/api/client";
import { shown } from "@/commands/keys";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Textarea } from "@/components/ui/input";
import { Kbd } from "@/components/ui/kbd";
import { Select } from "@/components/ui/select";
import { ErrorAlert } from "@/features/frame/error-screens";
import { unique } from "@/lib/unique";
import { hearingStep } from "../listening";
import { compose, LONGEST_PROMPT } from "./compose";
import type { Comment } from "./review-rows";
import type { ReviewStore } from "./review-store";

type SendReviewProps = {
  slug: string;
  run: Schemas["RunDetail"];
  store: ReviewStore;
  comments: readonly Comment[];
  open: boolean;
  onOpenChange: (open: boolean) => void;
};

export function SendReview({ open, onOpenChange, ...rest }: SendReviewProps) {
  const t = useTranslations("review");
  return (
    <Dialog open={open} onOpenChange={onOpenChange}>
      <DialogContent title={t("send")} closeLabel={t("close")} className="max-w-2xl">
        <SendForm {...rest} onSent={() => onOpenChange(false)} />
      </DialogContent>
    </Dialog>
  );
}

type SendFormProps = Omit<SendReviewProps, "open" | "onOpenChange"> & { onSent: () => void };

function SendForm({ slug, run, store, comments, onSent }: SendFormProps) {
  const t = useTranslations("review");
  const words = useTranslations("run");
  const navigate = useNavigate();
  const [remark, setRemark] = useState("");
  // What is still in an editor is meant, too.
  const said = comments
    .map((comment) => ({ ...comment, text: (comment.editing ?? comment.text).trim() }))
    .filter((comment) => comment.text);
  const hearing = hearingStep(run.steps);
  const [to, setTo] = useState<"step" | "run">(hearing ? "step" : "run");
  const step = to === "step" ? hearing : undefined;
  // The agent that is at work knows its task.
  const prompt = compose(said, remark, step ? undefined : run.prompt);
  const tooLong = prompt.length > LONGEST_PROMPT;
  const send = useMutation({
    mutationFn: async () => {
      const header = { "Idempotency-Key": unique() };
      if (step) {
        await data(
          api.POST("/api/v1/projects/{slug}/runs/{run}/steps/{step}/messages", {
            params: { path: { slug, run: run.id, step: step.id }, header },
            body: { text: prompt },
          }),
        );
        return run;
      }
      return data(
        api.POST("/api/v1/projects/{slug}/runs/{run}/rerun", {
          params: { path: { slug, run: run.id }, header },
          body: { prompt, ...(run.branch ? { baseBranch: run.branch } : {}) },
        }),
      );
    },
    onSuccess: (started) => {
      store.remove(...said.map((comment) => comment.id));
      onSent();
      toast(t("sent", { count: said.length }));
      return navigate({ to: "/p/$slug/runs/$run", params: { slug, run: started.id }, search: {} });
    },
  });
  const ready = (said.length > 0 || remark.trim() !== "") && !tooLong && !send.isPending;
  const submit = () => ready && send.mutate();
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          submit();
        }
      }}
    >
      {hearing ? (
        <Field label={t("to")}>
          <Select
            value={to}
            onValueChange={(value) => setTo(value === "step" ? "step" : "run")}
            options={[
              { value: "step", label: words("step", { role: hearing.role, iteration: hearing.iteration }) },
              { value: "run", label: t("toRun") },
            ]}
          />
        </Field>
      ) : null}
      <p className="text-muted-foreground">
        {step
          ? t("toStep", {
              count: said.length,
              step: words("step", { role: step.role, iteration: step.iteration }),
            })
          : t("sendWhy", { count: said.length, branch: run.branch ?? "" })}
      </p>
      <Field label={t("remark")} hint={t("remarkHint")}>
        <Textarea autoFocus value={remark} onChange={(event) => setRemark(event.target.value)} />
      </Field>
      <details className="rounded-md border">
        <summary className="px-3 py-1.5 text-[0.8125rem] text-muted-foreground">{t("preview")}</summary>
        <pre
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keyboard
          tabIndex={0}
          className="max-h-64 overflow-auto whitespace-pre-wrap border-t px-3 py-2 font-mono text-xs"
        >
          {prompt}
        </pre>
      </details>
      {tooLong ? (
        <p role="alert" className="text-destructive">
          {t("tooLong", { most: LONGEST_PROMPT })}
        </p>
      ) : null}
      {send.error ? <ErrorAlert error={send.error} /> : null}
      <div className="flex items-center justify-end gap-3">
        <Kbd keys={shown("mod+enter")} />
        <Button type="submit" variant="primary" busy={send.isPending} disabled={!ready}>
          {t(step ? "sendAs.message" : "sendAs.run")}
        </Button>
      </div>
    </form>
  );
}

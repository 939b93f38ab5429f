// Talks to the agent of a step that is under way: a message, an interruption, another model, the end.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleStop, Cpu, Flag, Send } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { api, done, type Schemas } from "@/api/client";
import { runQuery } from "@/api/queries";
import { shown } from "@/commands/keys";
import { useCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { Textarea } from "@/components/ui/input";
import { Kbd } from "@/components/ui/kbd";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { AgentChoices } from "@/features/agents/agent-choices";
import { useFailure } from "@/features/frame/use-failure";
import { unique } from "@/lib/unique";

type ComposerProps = { slug: string; run: string; step: Schemas["StepView"] };

export function Composer({ slug, run, step }: ComposerProps) {
  const t = useTranslations("composer");
  const client = useQueryClient();
  const fail = useFailure();
  const draft = `codecourier.message.${step.id}`;
  const [text, setText] = useState(() => sessionStorage.getItem(draft) ?? "");
  const [model, setModel] = useState("");
  const [switching, setSwitching] = useState(false);
  const write = (next: string) => {
    sessionStorage.setItem(draft, next);
    setText(next);
  };
  const options = () => ({
    params: { path: { slug, run, step: step.id }, header: { "Idempotency-Key": unique() } },
  });
  const after = {
    onError: fail,
    onSettled: () => void client.invalidateQueries({ queryKey: runQuery(slug, run).queryKey }),
  };
  const send = useMutation({
    mutationFn: () =>
      done(
        api.POST("/api/v1/projects/{slug}/runs/{run}/steps/{step}/messages", {
          ...options(),
          body: { text },
        }),
      ),
    onSuccess: () => {
      sessionStorage.removeItem(draft);
      setText("");
    },
    ...after,
  });
  const interrupt = useMutation({
    mutationFn: () => done(api.POST("/api/v1/projects/{slug}/runs/{run}/steps/{step}/interrupt", options())),
    ...after,
  });
  const finish = useMutation({
    mutationFn: () => done(api.POST("/api/v1/projects/{slug}/runs/{run}/steps/{step}/finish", options())),
    ...after,
  });
  const switchModel = useMutation({
    mutationFn: () =>
      done(
        api.POST("/api/v1/projects/{slug}/runs/{run}/steps/{step}/model", {
          ...options(),
          body: { model: model.trim() },
        }),
      ),
    onSuccess: () => {
      setModel("");
      setSwitching(false);
    },
    ...after,
  });
  const { accepts } = step;
  useCommands([
    ...(accepts.interrupt
      ? [
          {
            id: "interrupt",
            title: t("interrupt"),
            group: "here" as const,
            icon: CircleStop,
            keys: "shift+i",
            run: () => interrupt.mutate(),
          },
        ]
      : []),
    ...(accepts.finish
      ? [
          {
            id: "finish",
            title: t("finish"),
            group: "here" as const,
            icon: Flag,
            keys: "shift+f",
            run: () => finish.mutate(),
          },
        ]
      : []),
    ...(accepts.modelSwitch
      ? [
          {
            id: "switch-model",
            title: t("model"),
            group: "here" as const,
            icon: Cpu,
            run: () => setSwitching(true),
          },
        ]
      : []),
  ]);
  const submit = () => text.trim() && accepts.messages && !send.isPending && send.mutate();
  return (
    <form
      aria-label={t("title")}
      className="grid shrink-0 gap-2 border-t bg-surface p-3"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {step.awaitsInput ? (
        <p role="status" className="font-medium text-[0.8125rem] text-status-paused">
          {t("awaits")}
        </p>
      ) : null}
      {step.waiting.length > 0 ? (
        <ul aria-label={t("waiting")} className="grid gap-1 text-[0.8125rem] text-muted-foreground">
          {step.waiting.map((input) => (
            <li key={input.id} className="truncate">
              {t(`kinds.${input.kind}`)} {input.text}
            </li>
          ))}
        </ul>
      ) : null}
      {accepts.messages ? (
        <Textarea
          aria-label={t("message")}
          placeholder={step.awaitsInput ? t("placeholder") : t("placeholderAtWork")}
          className="max-h-60 min-h-16"
          value={text}
          onChange={(event) => write(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
              event.preventDefault();
              submit();
            }
          }}
        />
      ) : null}
      <div className="flex flex-wrap items-center gap-2">
        {accepts.interrupt ? (
          <Button size="small" busy={interrupt.isPending} onClick={() => interrupt.mutate()}>
            <CircleStop aria-hidden />
            {t("interrupt")}
          </Button>
        ) : null}
        {accepts.modelSwitch ? (
          <Popover open={switching} onOpenChange={setSwitching}>
            <PopoverTrigger asChild>
              <Button size="small">
                <Cpu aria-hidden />
                {step.model}
              </Button>
            </PopoverTrigger>
            <PopoverContent>
              {/* biome-ignore lint/a11y/noStaticElementInteractions: Enter in its field does what its button does */}
              <div
                className="grid gap-2"
                onKeyDown={(event) => {
                  // In the list of models it takes the one that is marked.
                  if (event.key === "Enter" && !event.defaultPrevented && model) {
                    event.preventDefault();
                    switchModel.mutate();
                  }
                }}
              >
                <AgentChoices
                  slug={slug}
                  fields={["model"]}
                  labels={{ model: t("model") }}
                  inherited={step.model}
                  value={{ agent: step.agent as Schemas["AgentName"], model: model || null, effort: null }}
                  onChange={(change) => setModel(change.model ?? "")}
                />
                <p className="text-[0.8125rem] text-muted-foreground">{t("modelHint")}</p>
                <Button
                  size="small"
                  variant="primary"
                  className="justify-self-end"
                  disabled={!model.trim()}
                  busy={switchModel.isPending}
                  onClick={() => switchModel.mutate()}
                >
                  {t("switch")}
                </Button>
              </div>
            </PopoverContent>
          </Popover>
        ) : null}
        {accepts.finish ? (
          <Button size="small" busy={finish.isPending} onClick={() => finish.mutate()}>
            <Flag aria-hidden />
            {t("finish")}
          </Button>
        ) : null}
        {accepts.messages ? (
          <div className="ml-auto flex items-center gap-2">
            <Kbd keys={shown("mod+enter")} />
            <Button
              size="small"
              variant="primary"
              type="submit"
              disabled={!text.trim()}
              busy={send.isPending}
            >
              <Send aria-hidden />
              {t("send")}
            </Button>
          </div>
        ) : null}
      </div>
    </form>
  );
}

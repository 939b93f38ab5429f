// A pipeline as a picture: steps from left to right, loops as frames around what they repeat. Drawn with boxes that the
// browser lays out, since it is a tree and no graph. Everything in it is a button: no gesture is needed.
import { ArrowRight, CircleAlert, Flag, Play, Plus, Repeat } from "lucide-react";
import { Fragment } from "react";
import { useTranslations } from "use-intl";
import { Tooltip } from "@/components/ui/tooltip";
import { cn } from "@/lib/cn";
import { type Address, type Fault, type Loop, type Node, type Step, sameAddress } from "./pipeline";
import { roleIcons } from "./roles";
import type { Editor } from "./use-editor";

type CanvasProps = { editor: Editor; faults: Fault[] };

export default function Canvas({ editor, faults }: CanvasProps) {
  const t = useTranslations("workflow");
  return (
    <section
      aria-label={t("canvas")}
      className="h-full overflow-auto bg-[radial-gradient(var(--border)_1px,transparent_1px)] bg-[size:20px_20px] p-6"
    >
      <div className="flex w-max min-w-full items-center">
        <End icon={<Play className="size-3.5" aria-hidden />} label={t("start")} />
        <Nodes editor={editor} faults={faults} nodes={editor.pipeline} around={[]} />
        <End icon={<Flag className="size-3.5" aria-hidden />} label={t("end")} />
      </div>
    </section>
  );
}

function End({ icon, label }: { icon: React.ReactNode; label: string }) {
  return (
    <span className="flex shrink-0 items-center gap-1.5 rounded-full border bg-card px-3 py-1 text-muted-foreground text-xs">
      {icon}
      {label}
    </span>
  );
}

type NodesProps = CanvasProps & { nodes: Node[]; around: Address };

function Nodes({ editor, faults, nodes, around }: NodesProps) {
  return (
    <ol className="flex items-center">
      {nodes.map((node, index) => {
        const at = [...around, index];
        return (
          <Fragment key={at.join()}>
            <Gap editor={editor} at={at} first={index === 0 && around.length > 0} />
            <li className="shrink-0">
              {node.type === "step" ? (
                <StepBox editor={editor} faults={faults} node={node} at={at} />
              ) : (
                <LoopBox editor={editor} faults={faults} node={node} at={at} />
              )}
            </li>
          </Fragment>
        );
      })}
      <Gap editor={editor} at={[...around, nodes.length]} last={around.length > 0} />
    </ol>
  );
}

/** What is between two nodes: the way on, and the place for another step. */
function Gap({ editor, at, first, last }: { editor: Editor; at: Address; first?: boolean; last?: boolean }) {
  const t = useTranslations("workflow");
  const line = <span aria-hidden className="h-px w-3 bg-muted-foreground/60" />;
  return (
    <li className="group flex shrink-0 items-center px-0.5">
      {first ? null : line}
      {editor.fixed ? (
        <span aria-hidden className="h-px w-4 bg-muted-foreground/60" />
      ) : (
        <Tooltip label={t("addHere")}>
          <button
            type="button"
            aria-label={t("addAt", { place: (at.at(-1) ?? 0) + 1 })}
            onClick={() => editor.addStepAt(at)}
            className="grid size-6 place-items-center rounded-full border border-dashed bg-background text-muted-foreground opacity-60 hover:border-solid hover:text-foreground hover:opacity-100 focus-visible:opacity-100"
          >
            <Plus className="size-3.5" aria-hidden />
          </button>
        </Tooltip>
      )}
      {last ? null : <ArrowRight aria-hidden className="-ml-px size-3.5 text-muted-foreground/80" />}
    </li>
  );
}

const chosenClasses = "border-primary ring-2 ring-primary/40";

function StepBox({ editor, faults, node, at }: CanvasProps & { node: Step; at: Address }) {
  const t = useTranslations("workflow");
  const chosen = editor.at !== undefined && sameAddress(editor.at, at);
  const faulty = faults.some((fault) => sameAddress(fault.at, at));
  const Icon = roleIcons[node.role];
  const details = [node.agent, node.model, node.effort].filter(Boolean).join(" · ");
  return (
    <button
      type="button"
      aria-pressed={chosen}
      onClick={() => editor.choose(at)}
      className={cn(
        "grid w-44 grid-cols-[minmax(0,1fr)] gap-1 rounded-lg border bg-card p-3 text-left shadow-sm hover:border-input",
        chosen && chosenClasses,
        faulty && "border-destructive",
      )}
    >
      <span className="flex items-center gap-2">
        <Icon className="size-4 shrink-0 text-muted-foreground" aria-hidden />
        <span className="min-w-0 truncate font-medium">{node.name || t(`roles.${node.role}`)}</span>
        {faulty ? (
          <CircleAlert className="ml-auto size-4 shrink-0 text-destructive" aria-label={t("faulty")} />
        ) : null}
      </span>
      <span className="truncate text-muted-foreground text-xs">
        {details || (node.name ? t(`roles.${node.role}`) : t("asTheRun"))}
      </span>
    </button>
  );
}

function LoopBox({ editor, faults, node, at }: CanvasProps & { node: Loop; at: Address }) {
  const t = useTranslations("workflow");
  const chosen = editor.at !== undefined && sameAddress(editor.at, at);
  const faulty = faults.some((fault) => sameAddress(fault.at, at));
  return (
    <div
      className={cn(
        "grid gap-3 rounded-xl border border-muted-foreground/50 border-dashed bg-background/80 p-3",
        chosen && chosenClasses,
        faulty && "border-destructive",
      )}
    >
      <button
        type="button"
        aria-pressed={chosen}
        onClick={() => editor.choose(at)}
        className="flex w-fit items-center gap-2 rounded-md px-1.5 py-0.5 text-muted-foreground text-xs hover:bg-accent hover:text-foreground"
      >
        <Repeat className="size-3.5" aria-hidden />
        {t("loopOf", { count: node.maxIterations })}
        <span aria-hidden>·</span>
        {t(`gates.${node.gate}`)}
        {faulty ? <CircleAlert className="size-4 text-destructive" aria-label={t("faulty")} /> : null}
      </button>
      <Nodes editor={editor} faults={faults} nodes={node.nodes} around={at} />
      <div aria-hidden className="-mt-1 flex items-center px-6">
        <span className="h-3 flex-1 rounded-b-lg border-muted-foreground/60 border-x border-b border-dashed" />
      </div>
    </div>
  );
}

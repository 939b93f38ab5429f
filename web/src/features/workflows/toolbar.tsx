// What can be done to the node that is chosen, as buttons and as commands.
import {
  ArrowDown,
  ArrowUp,
  Copy,
  IndentDecrease,
  IndentIncrease,
  type LucideIcon,
  Plus,
  Redo2,
  Repeat,
  Trash2,
  Undo2,
  Ungroup,
} from "lucide-react";
import { useTranslations } from "use-intl";
import { shown } from "@/commands/keys";
import { useCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import { intoLoop, move, outOfLoop } from "./pipeline";
import type { Editor } from "./use-editor";

type Tool = {
  id:
    | "addStep"
    | "addLoop"
    | "wrap"
    | "unwrap"
    | "up"
    | "down"
    | "into"
    | "out"
    | "duplicate"
    | "remove"
    | "undo"
    | "redo";
  icon: LucideIcon;
  /** Keys that work everywhere on the screen. */
  keys?: string;
  /** Nothing when it cannot be done now. */
  act: (() => void) | undefined;
};

export function Toolbar({ editor }: { editor: Editor }) {
  const t = useTranslations("workflow");
  const { at, node, pipeline } = editor;
  const when = (possible: unknown, act: (where: readonly number[]) => void) =>
    at && possible ? () => act(at) : undefined;
  const tools: Tool[] = [
    { id: "addStep", icon: Plus, act: () => editor.addStep(at) },
    { id: "addLoop", icon: Repeat, act: () => editor.addLoop(at) },
    node?.type === "loop"
      ? { id: "unwrap", icon: Ungroup, act: when(true, editor.unwrap) }
      : { id: "wrap", icon: Repeat, act: when(node, editor.wrap) },
    { id: "up", icon: ArrowUp, act: when(at && move(pipeline, at, -1), (where) => editor.move(where, -1)) },
    { id: "down", icon: ArrowDown, act: when(at && move(pipeline, at, 1), (where) => editor.move(where, 1)) },
    { id: "into", icon: IndentIncrease, act: when(at && intoLoop(pipeline, at), editor.intoLoop) },
    { id: "out", icon: IndentDecrease, act: when(at && outOfLoop(pipeline, at), editor.outOfLoop) },
    { id: "duplicate", icon: Copy, act: when(node, editor.duplicate) },
    { id: "remove", icon: Trash2, act: when(node, editor.remove) },
    { id: "undo", icon: Undo2, keys: "mod+z", act: editor.undo },
    { id: "redo", icon: Redo2, keys: "mod+y", act: editor.redo },
  ];
  useCommands(
    tools.flatMap(({ id, icon, act }) =>
      act ? [{ id: `workflow-${id}`, title: t(`tools.${id}`), group: "here" as const, icon, run: act }] : [],
    ),
  );
  return (
    <div role="toolbar" aria-label={t("toolbar")} className="flex flex-wrap items-center gap-0.5 px-2 py-0.5">
      {tools.slice(0, 2).map(({ id, icon: Icon, act }) => (
        <Button key={id} size="small" variant="ghost" onClick={act}>
          <Icon aria-hidden />
          {t(`tools.${id}`)}
        </Button>
      ))}
      {tools.slice(2).map(({ id, icon: Icon, act, keys }) => (
        <Tooltip key={id} label={t(`tools.${id}`)} {...(keys ? { keys: shown(keys) } : {})}>
          <Button
            size="icon-small"
            variant="ghost"
            aria-label={t(`tools.${id}`)}
            aria-disabled={!act}
            onClick={() => act?.()}
          >
            <Icon aria-hidden />
          </Button>
        </Tooltip>
      ))}
    </div>
  );
}

// A pipeline as a tree in text, wholly usable from the keyboard: the pattern of WAI-ARIA for trees, and with Alt the
// arrows move the node itself.
import { ChevronRight, CircleAlert, Repeat } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useTranslations } from "use-intl";
import { cn } from "@/lib/cn";
import { type Address, type Fault, type Row, rows, sameAddress } from "./pipeline";
import { roleIcons } from "./roles";
import type { Editor } from "./use-editor";

type OutlineProps = { editor: Editor; faults: Fault[]; onEdit: () => void };

export function Outline({ editor, faults, onEdit }: OutlineProps) {
  const t = useTranslations("workflow");
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const tree = useRef<HTMLDivElement>(null);
  const shown = rows(editor.pipeline, closed);
  const index = Math.max(
    0,
    shown.findIndex((row) => editor.at && sameAddress(row.at, editor.at)),
  );
  const current = shown[index];
  const hadFocus = useRef(false);
  const here = current?.at.join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the focus follows what is chosen, when it was in the tree
  useEffect(() => {
    if (hadFocus.current) {
      tree.current?.querySelector<HTMLElement>("[aria-selected=true]")?.focus();
    }
  }, [here, editor.pipeline]);
  const toggle = (row: Row, open: boolean) => {
    const next = new Set(closed);
    if (open) {
      next.delete(row.at.join());
    } else {
      next.add(row.at.join());
    }
    setClosed(next);
  };
  const go = (row: Row | undefined) => row && editor.choose(row.at);
  const pressed = (event: KeyboardEvent) => {
    if (!current) {
      return;
    }
    const act = keyAction(event, { editor, shown, index, current, toggle, go, onEdit });
    if (act) {
      event.preventDefault();
      event.stopPropagation();
      act();
    }
  };
  return (
    <div
      ref={tree}
      role="tree"
      aria-label={t("outline")}
      tabIndex={-1}
      className="grid content-start gap-0.5 p-3"
      onKeyDown={pressed}
      onFocus={() => {
        hadFocus.current = true;
      }}
      onBlur={(event) => {
        hadFocus.current = event.currentTarget.contains(event.relatedTarget);
      }}
    >
      {shown.map((row, place) => (
        <OutlineRow
          key={row.at.join()}
          row={row}
          chosen={place === index}
          faulty={faults.some((fault) => sameAddress(fault.at, row.at))}
          onChoose={() => editor.choose(row.at)}
          onToggle={() => toggle(row, !row.open)}
        />
      ))}
    </div>
  );
}

type RowProps = {
  row: Row;
  chosen: boolean;
  faulty: boolean;
  onChoose: () => void;
  onToggle: () => void;
};

function OutlineRow({ row, chosen, faulty, onChoose, onToggle }: RowProps) {
  const t = useTranslations("workflow");
  const { node } = row;
  const Icon = node.type === "step" ? roleIcons[node.role] : Repeat;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree has the keys
    <div
      role="treeitem"
      tabIndex={chosen ? 0 : -1}
      aria-selected={chosen}
      aria-level={row.level}
      aria-posinset={row.place}
      aria-setsize={row.of}
      {...(node.type === "loop" ? { "aria-expanded": row.open } : {})}
      onClick={onChoose}
      style={{ paddingInlineStart: `${(row.level - 1) * 1.5 + 0.5}rem` }}
      className={cn(
        "flex min-h-8 cursor-default items-center gap-2 rounded-md pr-2 outline-offset-[-2px]",
        chosen ? "bg-accent" : "hover:bg-accent/50",
      )}
    >
      {node.type === "loop" ? (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the arrow keys do the same
        // biome-ignore lint/a11y/noStaticElementInteractions: the row itself says that it is open
        <span
          className="grid size-6 place-items-center rounded-sm text-muted-foreground hover:bg-accent"
          onClick={(event) => {
            event.stopPropagation();
            onToggle();
          }}
        >
          <ChevronRight className={cn("size-4 transition-transform", row.open && "rotate-90")} aria-hidden />
        </span>
      ) : (
        <span className="size-6" />
      )}
      <Icon className="size-4 shrink-0 text-muted-foreground" aria-hidden />
      <span className="truncate">
        {node.type === "step"
          ? node.name || t(`roles.${node.role}`)
          : t("loopOf", { count: node.maxIterations })}
      </span>
      {node.type === "step" && node.name ? (
        <span className="text-muted-foreground text-xs">{t(`roles.${node.role}`)}</span>
      ) : null}
      {node.type === "step" && (node.model || node.agent) ? (
        <span className="truncate text-muted-foreground text-xs">
          {[node.agent, node.model].filter(Boolean).join(" · ")}
        </span>
      ) : null}
      {node.type === "loop" ? (
        <span className="truncate text-muted-foreground text-xs">{t(`gates.${node.gate}`)}</span>
      ) : null}
      {faulty ? (
        <span className="ml-auto flex items-center gap-1 text-destructive text-xs">
          <CircleAlert className="size-4" aria-hidden />
          {t("faulty")}
        </span>
      ) : null}
    </div>
  );
}

type Situation = {
  editor: Editor;
  shown: Row[];
  index: number;
  current: Row;
  toggle: (row: Row, open: boolean) => void;
  go: (row: Row | undefined) => void;
  onEdit: () => void;
};

/** What a key does in the tree; nothing for a key that is none of its own. */
function keyAction(event: KeyboardEvent, situation: Situation): (() => unknown) | undefined {
  const { editor, shown, index, current, toggle, go, onEdit } = situation;
  const at = current.at;
  if (event.ctrlKey || event.metaKey) {
    return event.key.toLowerCase() === "d" ? () => editor.duplicate(at) : undefined;
  }
  if (event.altKey) {
    const moves: Record<string, () => void> = {
      ArrowUp: () => editor.move(at, -1),
      ArrowDown: () => editor.move(at, 1),
      ArrowRight: () => editor.intoLoop(at),
      ArrowLeft: () => editor.outOfLoop(at),
    };
    return moves[event.key];
  }
  const isLoop = current.node.type === "loop";
  const moves: Record<string, () => unknown> = {
    ArrowDown: () => go(shown[index + 1]),
    ArrowUp: () => go(shown[index - 1]),
    Home: () => go(shown[0]),
    End: () => go(shown.at(-1)),
    ArrowRight: () => (isLoop && !current.open ? toggle(current, true) : isLoop && go(shown[index + 1])),
    ArrowLeft: () => (isLoop && current.open ? toggle(current, false) : go(rowOf(shown, at.slice(0, -1)))),
    Enter: onEdit,
    " ": onEdit,
    F2: onEdit,
    Delete: () => editor.remove(at),
    Backspace: () => editor.remove(at),
    a: () => editor.addStep(at),
    l: () => editor.addLoop(at),
  };
  return moves[event.key];
}

const rowOf = (shown: Row[], at: Address) => shown.find((row) => sameAddress(row.at, at));

// Keys for the rows of a list: `j` and `k` go through them, `e` edits the one that has the focus.
import { useEffect, useLayoutEffect, useRef } from "react";
import { useTranslations } from "use-intl";
import { useCommands } from "./registry";

type List = { current: HTMLElement | null };

/** What takes the focus in a row: what opens it, not the box before it, nor a choice, at which typed letters choose. */
const IN_ROW = "a, button:not([role=combobox], [role=checkbox])";

/** That, or the row itself where nothing in it can have the focus and it has a `tabIndex`. */
function targetIn(row: Element): HTMLElement | null {
  return (
    row.querySelector<HTMLElement>(IN_ROW) ??
    (row instanceof HTMLElement && row.hasAttribute("tabindex") ? row : null)
  );
}

/** `j` and `k` go through the rows of a list, which are its children. */
export function useListKeys(list: List) {
  const t = useTranslations("commands");
  const rows = () => [...(list.current?.children ?? [])];
  const focused = () => rows().findIndex((row) => row.contains(document.activeElement));
  const go = (to: number, by: number) => {
    const targets = rows().map(targetIn);
    let next = to;
    while (next > 0 && next < targets.length - 1 && !targets[next]) {
      next += by;
    }
    targets[Math.min(targets.length - 1, Math.max(0, next))]?.focus();
  };
  const move = (by: number) => go(focused() + by, by);
  // Where a row goes away with the focus in it, the one in its place has it: the keyboard is not at the top again.
  const last = useRef<{ target: Node; row: number }>(undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the rows are looked up when they are wanted
  useEffect(() => {
    const remember = ({ target }: FocusEvent) => {
      last.current = target instanceof Node ? { target, row: focused() } : undefined;
    };
    document.addEventListener("focusin", remember);
    return () => document.removeEventListener("focusin", remember);
  }, []);
  useLayoutEffect(() => {
    if (last.current && last.current.row >= 0 && !last.current.target.isConnected) {
      const { row } = last.current;
      last.current = undefined;
      if (document.activeElement === document.body) {
        go(row, 1);
      }
    }
  });
  useCommands([
    { id: "next", title: t("next"), group: "here", keys: "j", keysOnly: true, run: () => move(1) },
    { id: "previous", title: t("previous"), group: "here", keys: "k", keysOnly: true, run: () => move(-1) },
  ]);
  return { focused };
}

/** `e` presses what edits the row that has the focus: whatever in it has the attribute `data-edits`. */
export function useEditKey(list: List) {
  const t = useTranslations("commands");
  const edit = () => {
    const row = [...(list.current?.children ?? [])].find((each) => each.contains(document.activeElement));
    row?.querySelector<HTMLElement>("[data-edits]")?.click();
  };
  useCommands([{ id: "edit", title: t("edit"), group: "here", keys: "e", keysOnly: true, run: edit }]);
}

// Keys for the rows of a list: `j` and `k` go through them, `e` edits the one that has the focus.
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
  const move = (by: number) => {
    const targets = rows().map(targetIn);
    let next = focused() + by;
    while (next > 0 && next < targets.length - 1 && !targets[next]) {
      next += by;
    }
    targets[Math.min(targets.length - 1, Math.max(0, next))]?.focus();
  };
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

// Done, and taken back with a button or a key for as long as the message about it is there.
import { Undo2 } from "lucide-react";
import { useCallback } from "react";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import { useCommands } from "@/commands/registry";
import { useFailure } from "./use-failure";

/** Long enough to read it, and to notice that it was a mistake. */
const OFFERED = 15_000;

/** Says what was done, and offers to take it back. */
export function useUndoable(): (said: string, undo: () => Promise<unknown>) => void {
  const t = useTranslations("commands");
  const fail = useFailure();
  return useCallback(
    (said, undo) => {
      let taken = false;
      const take = () => {
        // The message is still there while it fades.
        if (!taken) {
          taken = true;
          toast.dismiss(id);
          void undo().catch(fail);
        }
      };
      const label = (
        <>
          {t("undo")}
          <kbd aria-hidden className="ml-1.5 rounded-sm border px-1 font-sans pointer-coarse:hidden">
            Z
          </kbd>
        </>
      );
      const id = toast(<Undoable said={said} onUndo={take} />, {
        duration: OFFERED,
        action: { label, onClick: take },
      });
    },
    [t, fail],
  );
}

/** The newest has the key. */
function Undoable({ said, onUndo }: { said: string; onUndo: () => void }) {
  const t = useTranslations("commands");
  useCommands([
    { id: "take-back", title: t("undo"), group: "here", icon: Undo2, words: said, keys: "z", run: onUndo },
  ]);
  return said;
}

import { useTranslations } from "use-intl";
import { shown } from "@/commands/keys";
import { useAllCommands } from "@/commands/registry";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Kbd } from "@/components/ui/kbd";

/** The shortcuts that work where one is. */
export function ShortcutsHelp({
  open,
  onOpenChange,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  const t = useTranslations("shortcuts");
  const commands = useAllCommands().filter((command) => command.keys);
  return (
    <Dialog open={open} onOpenChange={onOpenChange}>
      <DialogContent title={t("title")} closeLabel={t("close")}>
        <ul className="grid gap-0.5">
          {commands.map((command) => (
            <li key={command.id} className="flex min-h-7 items-center justify-between gap-4">
              <span>{command.title}</span>
              <Kbd keys={shown(command.keys ?? "")} className="pointer-coarse:inline-flex" />
              <span className="sr-only">{command.keys}</span>
            </li>
          ))}
        </ul>
      </DialogContent>
    </Dialog>
  );
}

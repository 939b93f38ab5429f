// The command palette: everything that can be done and gone to, found by typing.
import { Command as Cmdk } from "cmdk";
import { Search } from "lucide-react";
import { Dialog as RadixDialog } from "radix-ui";
import { useTranslations } from "use-intl";
import { shown } from "@/commands/keys";
import { type Command, useAllCommands } from "@/commands/registry";
import { Kbd } from "@/components/ui/kbd";

const groups: Command["group"][] = ["here", "go", "project", "appearance", "account", "help"];

export function Palette({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const t = useTranslations("palette");
  const commands = useAllCommands();
  return (
    <RadixDialog.Root open={open} onOpenChange={onOpenChange}>
      <RadixDialog.Portal>
        <RadixDialog.Overlay className="fixed inset-0 z-40 animate-in bg-black/40 fade-in-0 duration-100" />
        <RadixDialog.Content
          aria-describedby={undefined}
          className="fixed top-[14vh] left-1/2 z-50 w-[calc(100vw-2rem)] max-w-xl -translate-x-1/2 animate-in overflow-hidden rounded-lg border bg-popover text-popover-foreground shadow-2xl fade-in-0 zoom-in-95 duration-100"
        >
          <RadixDialog.Title className="sr-only">{t("title")}</RadixDialog.Title>
          <Cmdk label={t("title")} loop>
            <div className="flex items-center gap-2 border-b px-3">
              <Search className="size-4 text-muted-foreground" aria-hidden />
              <Cmdk.Input
                placeholder={t("placeholder")}
                className="h-11 w-full bg-transparent outline-none placeholder:text-muted-foreground"
              />
            </div>
            <Cmdk.List className="max-h-[min(24rem,60vh)] overflow-y-auto p-1">
              <Cmdk.Empty className="px-3 py-8 text-center text-muted-foreground">{t("nothing")}</Cmdk.Empty>
              {groups.map((group) => {
                const members = commands.filter((command) => command.group === group);
                return members.length === 0 ? null : (
                  <Cmdk.Group
                    key={group}
                    heading={t(`groups.${group}`)}
                    className="[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:py-1 [&_[cmdk-group-heading]]:font-medium [&_[cmdk-group-heading]]:text-muted-foreground [&_[cmdk-group-heading]]:text-xs"
                  >
                    {members.map((command) => (
                      <Cmdk.Item
                        key={command.id}
                        value={`${command.title} ${command.words ?? ""} ${command.id}`}
                        onSelect={() => {
                          onOpenChange(false);
                          command.run();
                        }}
                        className="flex min-h-8 items-center gap-2 rounded-sm px-2 data-[selected=true]:bg-accent [&_svg]:size-4 [&_svg]:text-muted-foreground"
                      >
                        {command.icon ? <command.icon aria-hidden /> : <span className="size-4" />}
                        <span className="truncate">{command.title}</span>
                        {command.keys ? <Kbd keys={shown(command.keys)} className="ml-auto" /> : null}
                      </Cmdk.Item>
                    ))}
                  </Cmdk.Group>
                );
              })}
            </Cmdk.List>
          </Cmdk>
        </RadixDialog.Content>
      </RadixDialog.Portal>
    </RadixDialog.Root>
  );
}

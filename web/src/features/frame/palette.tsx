// The command palette: everything that can be done and gone to, found by typing.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { Command as Cmdk } from "cmdk";
import { FolderGit2, type LucideIcon, Play, Search, UserRound, Workflow } from "lucide-react";
import { Dialog as RadixDialog } from "radix-ui";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { membersQuery, projectQuery, projectsQuery, runsQuery, workflowsQuery } from "@/api/queries";
import { byWords } from "@/commands/filter";
import { shown } from "@/commands/keys";
import { pastedRun } from "@/commands/pasted";
import { type Command, useAllCommands } from "@/commands/registry";
import { Kbd } from "@/components/ui/kbd";
import { Remember, useReturnFocus } from "@/components/ui/return-focus";
import { sections } from "@/features/settings/sections";
import { ConfigureTexts } from "@/i18n/configure-texts";
import { shortId } from "@/lib/format";

const groups: Command["group"][] = ["here", "project", "go", "appearance", "account", "help"];

type PaletteProps = { open: boolean; onOpenChange: (open: boolean) => void };

/** Loaded when it is first opened. */
export default function Palette(props: PaletteProps) {
  return (
    <ConfigureTexts>
      <PaletteDialog {...props} />
    </ConfigureTexts>
  );
}

function PaletteDialog({ open, onOpenChange }: PaletteProps) {
  const t = useTranslations("palette");
  const commands = useAllCommands();
  const [text, setText] = useState("");
  const { remember, content } = useReturnFocus();
  const close = () => {
    setText("");
    onOpenChange(false);
  };
  return (
    <RadixDialog.Root open={open} onOpenChange={(next) => (next ? onOpenChange(true) : close())}>
      <RadixDialog.Portal>
        <RadixDialog.Overlay className="fixed inset-0 z-40 animate-in bg-black/40 fade-in-0 duration-100" />
        <RadixDialog.Content
          {...content}
          aria-describedby={undefined}
          className="fixed top-[14vh] left-1/2 z-50 w-[calc(100vw-2rem)] max-w-xl -translate-x-1/2 animate-in overflow-hidden rounded-lg border bg-popover text-popover-foreground shadow-2xl fade-in-0 zoom-in-95 duration-100"
        >
          <Remember into={remember} />
          <RadixDialog.Title className="sr-only">{t("title")}</RadixDialog.Title>
          <Cmdk label={t("title")} filter={byWords} loop>
            <div className="flex items-center gap-2 border-b px-3">
              <Search className="size-4 text-muted-foreground" aria-hidden />
              <Cmdk.Input
                value={text}
                onValueChange={setText}
                placeholder={t("placeholder")}
                className="h-11 w-full bg-transparent outline-none placeholder:text-muted-foreground"
              />
            </div>
            <Cmdk.List className="max-h-[min(24rem,60vh)] overflow-y-auto p-1">
              <Cmdk.Empty className="px-3 py-8 text-center text-muted-foreground">{t("nothing")}</Cmdk.Empty>
              {groups.map((group) => {
                const members = commands.filter((command) => command.group === group && !command.keysOnly);
                return members.length === 0 ? null : (
                  <Cmdk.Group key={group} heading={t(`groups.${group}`)} className={groupClasses}>
                    {members.map((command) => (
                      <Item
                        key={command.id}
                        value={`${command.title} ${command.words ?? ""} ${command.id}`}
                        icon={command.icon}
                        keys={command.keys}
                        onSelect={() => {
                          close();
                          command.run();
                        }}
                      >
                        {command.title}
                      </Item>
                    ))}
                  </Cmdk.Group>
                );
              })}
              {text.trim() ? <Things text={text.trim()} onGone={close} /> : null}
            </Cmdk.List>
          </Cmdk>
        </RadixDialog.Content>
      </RadixDialog.Portal>
    </RadixDialog.Root>
  );
}

const groupClasses =
  "[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:py-1 [&_[cmdk-group-heading]]:font-medium [&_[cmdk-group-heading]]:text-muted-foreground [&_[cmdk-group-heading]]:text-xs";

type ItemProps = {
  value: string;
  icon: LucideIcon | undefined;
  keys?: string | undefined;
  onSelect: () => void;
  children: React.ReactNode;
};

function Item({ value, icon: Icon, keys, onSelect, children }: ItemProps) {
  return (
    <Cmdk.Item
      value={value}
      onSelect={onSelect}
      className="flex min-h-8 items-center gap-2 rounded-sm px-2 data-[selected=true]:bg-accent [&_svg]:size-4 [&_svg]:shrink-0 [&_svg]:text-muted-foreground"
    >
      {Icon ? <Icon aria-hidden /> : <span className="size-4" />}
      <span className="truncate">{children}</span>
      {keys ? <Kbd keys={shown(keys)} className="ml-auto" /> : null}
    </Cmdk.Item>
  );
}

/** What there is: projects, and the runs, workflows, people and settings of the one that is open. */
function Things({ text, onGone }: { text: string; onGone: () => void }) {
  const t = useTranslations("palette");
  const navigate = useNavigate();
  const slug = useParams({ strict: false }).slug;
  const projects = useQuery(projectsQuery).data ?? [];
  // An identifier or an address that was pasted leads to its run, however old that is.
  const pasted = pastedRun(text, slug);
  const known = useInfiniteQuery({ ...runsQuery(slug ?? "", {}), enabled: false }).data?.pages.flatMap(
    (page) => page.data,
  );
  const go = (there: () => Promise<void>) => {
    onGone();
    void there();
  };
  return (
    <>
      {pasted && !(pasted.slug === slug && known?.some((run) => run.id === pasted.run)) ? (
        <Cmdk.Group heading={t("things.runs")} className={groupClasses}>
          <Item
            icon={Play}
            value={text}
            onSelect={() => go(() => navigate({ to: "/p/$slug/runs/$run", params: pasted }))}
          >
            {pasted.run}
          </Item>
        </Cmdk.Group>
      ) : null}
      {slug ? <ThingsOfProject slug={slug} text={text} go={go} /> : null}
      <Cmdk.Group heading={t("things.projects")} className={groupClasses}>
        {projects.map((project) => (
          <Item
            key={project.id}
            icon={FolderGit2}
            value={`${project.name} ${project.slug} ${project.id}`}
            onSelect={() => go(() => navigate({ to: "/p/$slug/runs", params: { slug: project.slug } }))}
          >
            {project.name}
          </Item>
        ))}
      </Cmdk.Group>
    </>
  );
}

type ThingsOfProjectProps = {
  slug: string;
  text: string;
  go: (there: () => Promise<void>) => void;
};

function ThingsOfProject({ slug, text, go }: ThingsOfProjectProps) {
  const t = useTranslations("palette");
  const settings = useTranslations("settings");
  const navigate = useNavigate();
  const role = useQuery(projectQuery(slug)).data?.role;
  const runs = useInfiniteQuery(runsQuery(slug, {})).data?.pages.flatMap((page) => page.data) ?? [];
  const workflows = useQuery(workflowsQuery(slug)).data ?? [];
  const members = useQuery(membersQuery(slug)).data ?? [];
  const openRun = (run: string) => go(() => navigate({ to: "/p/$slug/runs/$run", params: { slug, run } }));
  const pasted = pastedRun(text, slug)?.run;
  return (
    <>
      <Cmdk.Group heading={t("things.runs")} className={groupClasses}>
        {runs.map((run) => (
          <Item
            key={run.id}
            icon={Play}
            value={run.id === pasted ? text : `${run.promptPreview} ${run.id}`}
            onSelect={() => openRun(run.id)}
          >
            {run.promptPreview} <span className="text-muted-foreground">{shortId(run.id)}</span>
          </Item>
        ))}
      </Cmdk.Group>
      <Cmdk.Group heading={t("things.workflows")} className={groupClasses}>
        {workflows.map(({ name, description }) => (
          <Item
            key={name}
            icon={Workflow}
            value={`${name} ${description}`}
            onSelect={() => go(() => navigate({ to: "/p/$slug/workflows/$name", params: { slug, name } }))}
          >
            {name}
          </Item>
        ))}
      </Cmdk.Group>
      <Cmdk.Group heading={t("things.members")} className={groupClasses}>
        {members.map((member) => (
          <Item
            key={member.user}
            icon={UserRound}
            value={`${member.name} ${member.email ?? ""} ${member.user}`}
            onSelect={() => go(() => navigate({ to: "/p/$slug/members", params: { slug } }))}
          >
            {member.name}
          </Item>
        ))}
      </Cmdk.Group>
      {role && role !== "member" ? (
        <Cmdk.Group heading={t("things.settings")} className={groupClasses}>
          {sections.map(({ name, icon }) => (
            <Item
              key={name}
              icon={icon}
              value={`${settings("title")} ${settings(`sections.${name}`)}`}
              onSelect={() =>
                go(() =>
                  navigate({ to: "/p/$slug/settings/$section", params: { slug, section: name }, search: {} }),
                )
              }
            >
              {settings(`sections.${name}`)}
            </Item>
          ))}
        </Cmdk.Group>
      ) : null}
    </>
  );
}

// The files of a sandbox: a folder of the repository beside the file that was chosen in it.
import { keepPreviousData, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { CornerLeftUp, FolderOpen, HardDrive, Pause, RotateCw } from "lucide-react";
import { type KeyboardEvent, useEffect } from "react";
import { useTranslations } from "use-intl";
import { isApiError, type Schemas } from "@/api/client";
import { sandboxFilesQuery } from "@/api/queries";
import { useCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Skeleton } from "@/components/ui/skeleton";
import { Tooltip } from "@/components/ui/tooltip";
import { ErrorAlert } from "@/features/frame/error-screens";
import { cn } from "@/lib/cn";
import { shownName } from "@/lib/shown";
import type { RunEventStore } from "@/live/run-events";
import { Entry } from "./entry";
import { FileView } from "./file-view";
import { parentOf } from "./paths";

export type Place = {
  /** The folder that is shown; absent for the repository. */
  folder?: string | undefined;
  /** The file that is read. */
  file?: string | undefined;
};

type FilesProps = {
  slug: string;
  sandbox: Schemas["Sandbox"];
  ended: boolean;
  events: RunEventStore;
  place: Place;
  onGo: (place: Place) => void;
};

export function Files({ slug, sandbox, ended, events, place, onGo }: FilesProps) {
  const t = useTranslations("sandboxes");
  if (ended || sandbox.status === "killed") {
    return (
      <EmptyState icon={HardDrive} title={t("files.gone")}>
        {t("files.goneWhy")}
      </EmptyState>
    );
  }
  if (sandbox.status === "creating") {
    return (
      <EmptyState icon={HardDrive} title={t("files.creating")}>
        {t("files.creatingWhy")}
      </EmptyState>
    );
  }
  if (sandbox.status === "paused") {
    return (
      <EmptyState icon={Pause} title={t("files.paused")}>
        {t("files.pausedWhy")}
      </EmptyState>
    );
  }
  return (
    <div className="flex min-h-0 flex-1">
      <div
        className={cn(
          "flex min-h-0 w-72 shrink-0 flex-col border-r max-md:w-full max-md:border-r-0",
          place.file && "max-md:hidden",
        )}
      >
        <Folder slug={slug} sandbox={sandbox.id} events={events} place={place} onGo={onGo} />
      </div>
      <div className={cn("flex min-h-0 min-w-0 flex-1 flex-col", !place.file && "max-md:hidden")}>
        {place.file ? (
          <FileView
            key={place.file}
            slug={slug}
            sandbox={sandbox.id}
            path={place.file}
            onClose={() => onGo({ ...place, file: undefined })}
          />
        ) : (
          <EmptyState icon={FolderOpen} title={t("files.choose")} />
        )}
      </div>
    </div>
  );
}

type FolderProps = {
  slug: string;
  sandbox: string;
  events: RunEventStore;
  place: Place;
  onGo: (place: Place) => void;
};

function Folder({ slug, sandbox, events, place, onGo }: FolderProps) {
  const t = useTranslations("sandboxes");
  const client = useQueryClient();
  const folder = place.folder ?? "";
  const read = useInfiniteQuery({
    ...sandboxFilesQuery(slug, sandbox, folder),
    placeholderData: keepPreviousData,
  });
  useReadAgain(slug, sandbox, events);
  const again = () => void client.invalidateQueries({ queryKey: ["sandbox-files", slug, sandbox] });
  const up = () => onGo({ folder: parentOf(folder) || undefined, file: place.file });
  useCommands([
    { id: "read-files", title: t("files.again"), group: "here", icon: RotateCw, keys: "shift+r", run: again },
    ...(folder
      ? [
          {
            id: "folder-up",
            title: t("files.up"),
            group: "here" as const,
            icon: CornerLeftUp,
            keys: "u",
            run: up,
          },
        ]
      : []),
  ]);
  const entries = read.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <>
      <div className="flex items-center gap-1 border-b px-2 py-1">
        <Trail folder={folder} onGo={(folder) => onGo({ folder, file: place.file })} />
        <Tooltip label={t("files.again")} keys="shift+r">
          <Button
            size="icon-small"
            variant="ghost"
            className="ml-auto"
            aria-label={t("files.again")}
            busy={read.isRefetching}
            onClick={again}
          >
            <RotateCw aria-hidden />
          </Button>
        </Tooltip>
      </div>
      {read.isPending ? (
        <div className="grid gap-2 p-3">
          <Skeleton className="h-4 w-2/3" />
          <Skeleton className="h-4 w-1/2" />
          <Skeleton className="h-4 w-3/5" />
        </div>
      ) : null}
      {read.isError && !(isApiError(read.error, "NOT_FOUND") && entries.length > 0) ? (
        <div className="grid justify-items-start gap-2 p-3 text-[0.8125rem]">
          <ErrorAlert error={read.error} />
          {folder ? (
            <Button size="small" onClick={() => onGo({ folder: undefined, file: place.file })}>
              {t("files.toRoot")}
            </Button>
          ) : null}
        </div>
      ) : null}
      {read.isSuccess && entries.length === 0 ? (
        <p className="p-3 text-muted-foreground">{t("files.empty")}</p>
      ) : null}
      {read.isError ? null : (
        <ul
          aria-label={t("files.title")}
          className={cn("min-h-0 flex-1 overflow-y-auto py-1", read.isPlaceholderData && "opacity-60")}
          onKeyDown={move}
        >
          {folder && entries.length > 0 ? (
            <li>
              <button
                type="button"
                onClick={up}
                className="flex min-h-7 w-full items-center gap-2 px-3 text-left text-muted-foreground hover:bg-accent focus-visible:-outline-offset-2"
              >
                <CornerLeftUp className="size-4 shrink-0" aria-hidden />
                {t("files.up")}
              </button>
            </li>
          ) : null}
          {entries.map((entry) => (
            <Entry key={entry.name} entry={entry} folder={folder} place={place} onGo={onGo} />
          ))}
          {read.hasNextPage ? (
            <li className="p-2">
              <Button
                size="small"
                className="w-full"
                busy={read.isFetchingNextPage}
                onClick={() => void read.fetchNextPage()}
              >
                {t("files.more")}
              </Button>
            </li>
          ) : null}
        </ul>
      )}
    </>
  );
}

/** The folder's path, each part of it a way back. */
function Trail({ folder, onGo }: { folder: string; onGo: (folder: string | undefined) => void }) {
  const t = useTranslations("sandboxes");
  const parts = folder ? folder.split("/") : [];
  const part =
    "max-w-40 truncate rounded-sm px-1 min-h-6 hover:bg-accent hover:text-foreground focus-visible:-outline-offset-2";
  return (
    <nav
      aria-label={t("files.trail")}
      className="min-w-0 overflow-x-auto text-[0.8125rem] text-muted-foreground"
    >
      <ol className="flex items-center">
        <li>
          <button type="button" className={part} onClick={() => onGo(undefined)}>
            {t("files.root")}
          </button>
        </li>
        {parts.map((name, index) => (
          <li key={parts.slice(0, index + 1).join("/")} className="flex items-center">
            <span aria-hidden>/</span>
            <button
              type="button"
              aria-current={index === parts.length - 1 ? "location" : undefined}
              className={cn(part, index === parts.length - 1 && "text-foreground")}
              onClick={() => onGo(parts.slice(0, index + 1).join("/"))}
            >
              {shownName(name)}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}

/** Arrow keys go from one entry to the next. */
function move(pressed: KeyboardEvent<HTMLUListElement>) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[pressed.key];
  if (step) {
    const buttons = [...pressed.currentTarget.querySelectorAll<HTMLButtonElement>("button:not(:disabled)")];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    buttons[at + step]?.focus();
    pressed.preventDefault();
  }
}

/** How long what was read counts as fresh while the agent works. */
const FRESH = 3_000;

/** Reads folder and file again when the agent did something: where nothing happens nothing is asked. */
function useReadAgain(slug: string, sandbox: string, events: RunEventStore) {
  const client = useQueryClient();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = events.getState().events.at(-1)?.seq;
    const stop = events.onState(() => {
      const now = events.getState().events.at(-1)?.seq;
      if (now !== last) {
        last = now;
        timer ??= setTimeout(() => {
          timer = undefined;
          void client.invalidateQueries({ queryKey: ["sandbox-files", slug, sandbox] });
        }, FRESH);
      }
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [client, slug, sandbox, events]);
}

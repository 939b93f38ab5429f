import { File, FileSymlink, FileX, Folder, FolderSymlink } from "lucide-react";
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { cn } from "@/lib/cn";
import { shownName } from "@/lib/shown";
import type { Place } from "./files";
import { pathIn } from "./paths";
import { useSize } from "./use-size";

type EntryProps = {
  entry: Schemas["SandboxFile"];
  folder: string;
  place: Place;
  onGo: (place: Place) => void;
};

/** A row of a folder: a way into it, or to a file; or, where nothing can be opened, what is there. */
export function Entry({ entry, folder, place, onGo }: EntryProps) {
  const t = useTranslations("sandboxes");
  const size = useSize();
  const path = pathIn(folder, entry.name);
  const kind = entry.type === "link" ? entry.link?.leadsTo : entry.type;
  // The bytes that were no text are lost, so no path leads there.
  const isText = !entry.name.includes("\ufffd");
  const Icon = iconOf(entry, kind);
  const name = (
    <>
      <Icon
        className={cn("size-4 shrink-0", kind === "directory" ? "text-primary" : "text-muted-foreground")}
        aria-hidden
      />
      <span className="min-w-0 flex-1 truncate">
        {shownName(entry.name)}
        {entry.link ? <span className="text-muted-foreground"> → {shownName(entry.link.target)}</span> : null}
      </span>
      {entry.type === "file" ? (
        <span className="tabular shrink-0 text-muted-foreground text-xs">{size(entry.size)}</span>
      ) : null}
    </>
  );
  const row = "flex min-h-7 w-full items-center gap-2 px-3 text-left";
  if (!isText || (kind !== "file" && kind !== "directory")) {
    const why = isText ? (entry.link ? t("files.out") : t("files.odd")) : t("files.noText");
    return (
      <li className={cn(row, "text-muted-foreground")}>
        {name}
        <span className="shrink-0 text-xs">{why}</span>
      </li>
    );
  }
  const chosen = place.file === path;
  return (
    <li>
      <button
        type="button"
        title={shownName(entry.name)}
        aria-current={chosen ? "true" : undefined}
        className={cn(
          row,
          "hover:bg-accent focus-visible:-outline-offset-2",
          chosen && "bg-accent font-medium",
        )}
        onClick={() =>
          onGo(
            kind === "directory" ? { folder: path, file: place.file } : { folder: place.folder, file: path },
          )
        }
      >
        {name}
      </button>
    </li>
  );
}

function iconOf(entry: Schemas["SandboxFile"], kind: Schemas["SandboxFileType"] | null | undefined) {
  if (entry.type === "link") {
    return kind === "directory" ? FolderSymlink : FileSymlink;
  }
  return { directory: Folder, file: File, other: FileX, link: FileSymlink }[entry.type];
}

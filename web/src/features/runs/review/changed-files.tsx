import { Check, ChevronRight, MessageSquare } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslations } from "use-intl";
import { cn } from "@/lib/cn";
import { fileTree, type TreeNode } from "./file-tree";
import { Counts } from "./review-row";

export type ChangedFile = {
  path: string;
  additions: number | null;
  deletions: number | null;
  viewed: boolean;
  comments: number;
};

type ChangedFilesProps = { files: readonly ChangedFile[]; onGo: (path: string) => void };

/** The files of a change as a tree: where one is, what was seen and what has comments. */
export function ChangedFiles({ files, onGo }: ChangedFilesProps) {
  const t = useTranslations("review");
  const tree = useMemo(() => fileTree(files), [files]);
  return (
    <nav aria-label={t("fileTree")} className="h-full overflow-y-auto p-2 text-[0.8125rem]">
      <Nodes nodes={tree} onGo={onGo} />
    </nav>
  );
}

function Nodes({ nodes, onGo }: { nodes: TreeNode<ChangedFile>[]; onGo: (path: string) => void }) {
  return (
    <ul className="grid grid-cols-1">
      {nodes.map((node) => (
        <li key={`${node.kind}${node.path}`}>
          {node.kind === "folder" ? (
            <Folder node={node} onGo={onGo} />
          ) : (
            <File file={node.file} name={node.name} onGo={onGo} />
          )}
        </li>
      ))}
    </ul>
  );
}

function Folder({
  node,
  onGo,
}: {
  node: Extract<TreeNode<ChangedFile>, { kind: "folder" }>;
  onGo: (path: string) => void;
}) {
  const [open, setOpen] = useState(true);
  return (
    <>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="flex min-h-6 w-full min-w-0 items-center gap-1 rounded-sm px-1 text-left text-muted-foreground hover:bg-accent"
      >
        <ChevronRight
          className={cn("size-3.5 shrink-0 transition-transform", open && "rotate-90")}
          aria-hidden
        />
        <span className="truncate" title={node.name}>
          {node.name}
        </span>
      </button>
      {open ? (
        <div className="ml-2 border-l pl-1.5">
          <Nodes nodes={node.children} onGo={onGo} />
        </div>
      ) : null}
    </>
  );
}

function File({ file, name, onGo }: { file: ChangedFile; name: string; onGo: (path: string) => void }) {
  const t = useTranslations("review");
  return (
    <button
      type="button"
      onClick={() => onGo(file.path)}
      className="flex min-h-6 w-full min-w-0 items-center gap-1.5 rounded-sm px-1 text-left hover:bg-accent"
    >
      <span className={cn("truncate", file.viewed && "text-muted-foreground")} title={file.path}>
        {name}
      </span>
      {file.comments > 0 ? (
        <span className="flex shrink-0 items-center gap-0.5 text-primary text-xs">
          <MessageSquare className="size-3" aria-hidden />
          <span aria-hidden>{file.comments}</span>
          <span className="sr-only">{t("comments", { count: file.comments })}</span>
        </span>
      ) : null}
      <span className="ml-auto flex shrink-0 items-center gap-1">
        {file.viewed ? (
          <Check className="size-3.5 text-status-completed" aria-label={t("viewed")} />
        ) : (
          <Counts additions={file.additions} deletions={file.deletions} />
        )}
      </span>
    </button>
  );
}

// A file of a sandbox, as far as one reads it here: its text with the numbers of its lines, or what it is instead.
import { useQuery } from "@tanstack/react-query";
import { ArrowLeft, Binary, Download, X } from "lucide-react";
import { Fragment, memo, useMemo } from "react";
import { useTranslations } from "use-intl";
import { isApiError } from "@/api/client";
import { sandboxFileQuery } from "@/api/queries";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Skeleton } from "@/components/ui/skeleton";
import { ErrorAlert } from "@/features/frame/error-screens";
import { Ago } from "@/features/runs/moments";
import { colours, useTokensOf } from "@/features/runs/review/highlight";
import { partsOf, type Token } from "@/features/runs/review/highlight-kinds";
import { shownName, shownText } from "@/lib/shown";
import { nameOf } from "./paths";
import { useSize } from "./use-size";

type FileViewProps = { slug: string; sandbox: string; path: string; onClose: () => void };

/** What is fetched for a download: as much as the server gives of one file. */
const LARGEST_DOWNLOAD = 4_194_304;

export function FileView({ slug, sandbox, path, onClose }: FileViewProps) {
  const t = useTranslations("sandboxes");
  const size = useSize();
  const read = useQuery(sandboxFileQuery(slug, sandbox, path));
  const file = read.data;
  const name = shownName(nameOf(path));
  const query = new URLSearchParams({ path, limit: String(LARGEST_DOWNLOAD) });
  const address = `/api/v1/projects/${slug}/sandboxes/${sandbox}/files/content?${query}`;
  return (
    <section aria-label={t("files.contents", { name })} className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b px-3 py-1">
        <Button
          size="icon-small"
          variant="ghost"
          className="md:hidden"
          aria-label={t("files.back")}
          onClick={onClose}
        >
          <ArrowLeft aria-hidden />
        </Button>
        <h2 className="min-w-0 flex-1 basis-40 truncate max-sm:basis-24 font-medium text-[0.8125rem]">
          <code>{shownName(path)}</code>
        </h2>
        {file ? (
          <span className="tabular text-muted-foreground text-xs">
            {size(file.size)}
            {file.modifiedAt ? (
              <>
                {" · "}
                <Ago at={file.modifiedAt} />
              </>
            ) : null}
          </span>
        ) : null}
        <span className="ml-auto flex gap-1">
          <Button size="small" variant="ghost" asChild>
            <a href={address} download={nameOf(path)}>
              <Download aria-hidden />
              <span className="max-sm:sr-only">{t("files.download")}</span>
            </a>
          </Button>
          <Button
            size="icon-small"
            variant="ghost"
            className="max-md:hidden"
            aria-label={t("files.close")}
            onClick={onClose}
          >
            <X aria-hidden />
          </Button>
        </span>
      </div>
      {read.isError ? (
        <div className="p-4">
          {isApiError(read.error, "NOT_FOUND") ? (
            <p>{t("files.missing")}</p>
          ) : (
            <ErrorAlert error={read.error} />
          )}
        </div>
      ) : null}
      {read.isPending ? (
        <div className="grid gap-2 p-4">
          <Skeleton className="h-4 w-2/3" />
          <Skeleton className="h-4 w-1/2" />
          <Skeleton className="h-4 w-3/5" />
        </div>
      ) : null}
      {file && !read.isError ? (
        file.text === null ? (
          <EmptyState icon={Binary} title={t("files.binary")}>
            {t("files.binaryWhy", { size: size(file.size) })}
          </EmptyState>
        ) : file.text === "" ? (
          <p className="p-4 text-muted-foreground">{t("files.emptyFile")}</p>
        ) : (
          <>
            {file.extent === "beginning" ? (
              <p className="border-b bg-surface px-4 py-1.5 text-muted-foreground text-xs">
                {t("files.beginning", { whole: size(file.size) })}
              </p>
            ) : null}
            <Text path={path} text={file.text} label={name} />
          </>
        )
      ) : null}
    </section>
  );
}

/** Two texts beside each other, however many lines there are: the numbers, and what the file says. */
function Text({ path, text, label }: { path: string; text: string; label: string }) {
  const shown = useMemo(() => shownText(text.replace(/\n$/, "")), [text]);
  const tokens = useTokensOf(path, shown);
  const numbers = useMemo(
    () =>
      Array.from(shown.matchAll(/\n/g), (_, line) => line + 2).reduce((all, line) => `${all}\n${line}`, "1"),
    [shown],
  );
  return (
    <section
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keyboard
      tabIndex={0}
      className="flex min-h-0 flex-1 items-start overflow-auto font-mono text-xs leading-4.5 focus-visible:-outline-offset-2"
    >
      <pre
        className="sticky left-0 shrink-0 select-none border-r bg-background px-2 py-2 text-right text-muted-foreground"
        aria-hidden
      >
        {numbers}
      </pre>
      <pre className="px-3 py-2 [tab-size:4]">{tokens ? <Code text={shown} tokens={tokens} /> : shown}</pre>
    </section>
  );
}

type CodeProps = { text: string; tokens: readonly (readonly Token[])[] };

/** The same text in its colours. Drawn once: nothing of it changes until the file does. */
const Code = memo(function Code({ text, tokens }: CodeProps) {
  return text.split("\n").map((line, number) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a line is what stands at its place
    <Fragment key={number}>
      {number > 0 ? "\n" : null}
      {partsOf(line, tokens[number] ?? [], []).map(({ text, kind }, part) =>
        kind ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a line do not change
          <span key={part} className={colours[kind]}>
            {text}
          </span>
        ) : (
          text
        ),
      )}
    </Fragment>
  ));
});

import { useQuery } from "@tanstack/react-query";
import { Copy, Download, GitPullRequestArrow } from "lucide-react";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { projectQuery } from "@/api/queries";
import { Button } from "@/components/ui/button";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { copy } from "@/lib/copy";

type GetChangesProps = { slug: string; run: Schemas["RunDetail"]; step: string | undefined };

/** The ways to have a change on one's own machine. */
export function GetChanges({ slug, run, step }: GetChangesProps) {
  const t = useTranslations("review");
  const address = `/api/v1/projects/${slug}/runs/${run.id}/patch${step ? `?step=${step}` : ""}`;
  const repository = useQuery(projectQuery(slug)).data?.repository;
  const apply = `curl -fsS -H "Authorization: Bearer $CODECOURIER_API_KEY" '${location.origin}${address}' | git am`;
  const commands = [
    ...(step ? [] : [{ title: t("byCommand"), text: `codecourier patch ${run.id} | git am` }]),
    { title: t("byRequest"), text: apply },
    ...(run.branch && run.baseCommit && repository && !step
      ? [
          // A repository on the server's machine has the branch; one elsewhere does not.
          repository.startsWith("/")
            ? { title: t("byBranch"), text: `git switch ${run.branch}` }
            : { title: t("asBranch"), text: `git switch -c ${run.branch} ${run.baseCommit} && ${apply}` },
        ]
      : []),
  ];
  return (
    <Popover>
      <PopoverTrigger asChild>
        <Button size="small">
          <GitPullRequestArrow aria-hidden />
          {t("get")}
        </Button>
      </PopoverTrigger>
      <PopoverContent className="grid w-[min(30rem,calc(100vw-2rem))] gap-3" align="end">
        {commands.map(({ title, text }) => (
          <div key={title} className="grid gap-1">
            <span className="text-[0.8125rem] text-muted-foreground">{title}</span>
            <div className="flex items-start gap-1 rounded-md bg-muted p-1 pl-2">
              <code className="min-w-0 flex-1 break-all py-1 text-xs">{text}</code>
              <Button
                size="icon-small"
                variant="ghost"
                aria-label={t("copy", { what: title })}
                onClick={() => void copy(text).then(() => toast(t("copied")))}
              >
                <Copy aria-hidden />
              </Button>
            </div>
          </div>
        ))}
        <Button asChild size="small" className="justify-self-start">
          <a href={address} download>
            <Download aria-hidden />
            {t("patch")}
          </a>
        </Button>
      </PopoverContent>
    </Popover>
  );
}

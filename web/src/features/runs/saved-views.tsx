// Filters of runs under a name: one click, or a word in the palette, and the list is narrowed again.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Bookmark, X } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";
import { useTranslations } from "use-intl";
import { accountQuery, type RunFilter } from "@/api/queries";
import { useCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { cn } from "@/lib/cn";
import { readFilter, writeFilter } from "./filter";
import { LONGEST_NAME, MOST_VIEWS, useViews, viewsOf } from "./views";

export function SavedViews({ slug, filter }: { slug: string; filter: RunFilter }) {
  const t = useTranslations("runs");
  const navigate = useNavigate();
  const views = viewsOf(useQuery(accountQuery).data?.id ?? "", slug);
  const list = useViews(views);
  const content = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("");
  const written = writeFilter(filter);
  const here = list.find((view) => view.filter === written);
  useCommands(
    list.map((view) => ({
      id: `view-${view.name}`,
      title: t("view", { name: view.name }),
      group: "here",
      icon: Bookmark,
      words: view.filter,
      run: () => void navigate({ to: "/p/$slug/runs", params: { slug }, search: readFilter(view.filter) }),
    })),
  );
  // Nothing to save, and nothing that was: there is nothing to be seen either.
  if (list.length === 0 && !written && !open) {
    return null;
  }
  const save = (event: FormEvent) => {
    event.preventDefault();
    views.save(name, written);
    setName("");
    setOpen(false);
  };
  return (
    <Popover open={open} onOpenChange={setOpen}>
      <PopoverTrigger asChild>
        <Button size="small" variant="ghost" className={cn("max-w-48", here && "text-foreground")}>
          <Bookmark aria-hidden className={here && "fill-current"} />
          <span className="truncate">{here?.name ?? t("views")}</span>
        </Button>
      </PopoverTrigger>
      <PopoverContent
        ref={content}
        // Not on what removes a view, which is the first button.
        onOpenAutoFocus={(event) => {
          event.preventDefault();
          content.current?.querySelector<HTMLElement>("input, a")?.focus();
        }}
        className="grid max-w-[calc(100vw-2rem)] gap-2 p-2"
      >
        {list.length > 0 ? (
          <ul aria-label={t("views")} className="grid max-h-72 overflow-y-auto">
            {list.map((view) => (
              <li key={view.name} className="flex min-w-0 items-center rounded-sm hover:bg-accent">
                <Link
                  to="/p/$slug/runs"
                  params={{ slug }}
                  search={readFilter(view.filter)}
                  aria-current={view === here || undefined}
                  onClick={() => setOpen(false)}
                  className="grid min-w-0 flex-1 px-2 py-1"
                >
                  <span className={cn("truncate", view === here && "font-medium")}>{view.name}</span>
                  <code className="truncate text-muted-foreground text-xs">{view.filter}</code>
                </Link>
                <Button
                  size="icon-small"
                  variant="ghost"
                  aria-label={t("removeView", { name: view.name })}
                  onClick={() => views.remove(view.name)}
                >
                  <X aria-hidden />
                </Button>
              </li>
            ))}
          </ul>
        ) : null}
        {written && !here ? (
          <form className="flex gap-2 p-1" onSubmit={save}>
            <Input
              required
              className="h-7"
              maxLength={LONGEST_NAME}
              aria-label={t("nameView", { filter: written })}
              placeholder={t("viewName")}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
            <Button size="small" type="submit" variant="primary" disabled={list.length >= MOST_VIEWS}>
              {t("saveView")}
            </Button>
          </form>
        ) : (
          <p className="px-2 pb-1 text-[0.8125rem] text-muted-foreground">{t("viewsWhy")}</p>
        )}
      </PopoverContent>
    </Popover>
  );
}

import { useEffect, useRef } from "react";
import { useTranslations } from "use-intl";
import { shown } from "@/commands/keys";
import { Button } from "@/components/ui/button";
import { Textarea } from "@/components/ui/input";
import { Kbd } from "@/components/ui/kbd";
import type { Comment } from "./review-rows";
import type { ReviewStore } from "./review-store";

type CommentBoxProps = {
  comment: Comment;
  store: ReviewStore;
  /** It was begun just now: the keyboard goes into it. */
  fresh: boolean;
  /** Where the keyboard goes when it is done with. */
  onDone: () => void;
};

export function CommentBox({ comment, store, fresh, onDone }: CommentBoxProps) {
  const t = useTranslations("review");
  const field = useRef<HTMLTextAreaElement>(null);
  const editing = comment.editing;
  useEffect(() => {
    if (fresh) {
      field.current?.focus({ preventScroll: true });
    }
  }, [fresh]);
  const place = t("place", {
    path: comment.path,
    lines: comment.from === comment.to ? String(comment.to) : `${comment.from}–${comment.to}`,
  });
  const save = () => {
    const text = (editing ?? "").trim();
    if (text) {
      store.put({ ...comment, text, editing: undefined });
    } else {
      store.remove(comment.id);
    }
    onDone();
  };
  const cancel = () => {
    if (comment.text) {
      store.put({ ...comment, editing: undefined });
    } else {
      store.remove(comment.id);
    }
    onDone();
  };
  return (
    <section
      aria-label={place}
      className="my-1.5 mr-3 ml-10 max-w-3xl rounded-md border bg-background p-2.5 font-sans text-[0.8125rem] shadow-sm max-sm:ml-3"
    >
      {editing === undefined ? (
        <>
          <p className="whitespace-pre-wrap">{comment.text}</p>
          <div className="mt-1.5 flex gap-2">
            <Button
              size="small"
              variant="ghost"
              onClick={() => store.put({ ...comment, editing: comment.text })}
            >
              {t("edit")}
            </Button>
            <Button
              size="small"
              variant="ghost"
              onClick={() => {
                store.remove(comment.id);
                onDone();
              }}
            >
              {t("delete")}
            </Button>
          </div>
        </>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            save();
          }}
        >
          <Textarea
            ref={field}
            aria-label={t("commentOn", { place })}
            placeholder={t("placeholder")}
            className="min-h-16"
            value={editing}
            onChange={(event) => store.put({ ...comment, editing: event.target.value })}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
                event.preventDefault();
                save();
              } else if (event.key === "Escape") {
                event.preventDefault();
                cancel();
              }
            }}
          />
          <div className="mt-1.5 flex items-center justify-end gap-2">
            <Kbd keys={shown("mod+enter")} className="mr-auto" />
            <Button size="small" variant="ghost" onClick={cancel}>
              {t("cancel")}
            </Button>
            <Button size="small" variant="primary" type="submit">
              {t("save")}
            </Button>
          </div>
        </form>
      )}
    </section>
  );
}

// A form over a document that others may change too: it keeps what is written, saves it on top of the version that was
// seen, and on a conflict reads again and says what both changed.
import { useMutation } from "@tanstack/react-query";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import { isApiError } from "@/api/client";
import { changes, type Draft, type Fields, hasConflict, isDirty, rebased } from "@/lib/draft";
import { useDraft } from "@/lib/use-draft";

export type Seen<T> = { value: T; tag: string };

type FormOptions<T extends Fields> = {
  seen: Seen<T>;
  /** Saves over the version of the draft's tag. */
  send: (change: Partial<T>, draft: Draft<T>) => Promise<void>;
  /** What is on the server now. */
  reread: () => Promise<Seen<T>>;
  /** A draft that was begun before and never saved. */
  kept?: Draft<T> | undefined;
};

export type Form<T extends Fields> = ReturnType<typeof useForm<T>>;

/** Thrown when nothing was saved because somebody must choose first. */
class Undecided extends Error {}

export function useForm<T extends Fields>({ seen, send, reread, kept }: FormOptions<T>) {
  const t = useTranslations("form");
  const { draft, set, settle, replace, discard } = useDraft(seen.value, seen.tag, kept);
  const save = useMutation({
    mutationFn: async () => {
      try {
        await send(changes(draft), draft);
        return "saved" as const;
      } catch (error) {
        if (!isApiError(error, "PRECONDITION_FAILED")) {
          throw error;
        }
      }
      const now = await reread();
      const next = rebased(draft, now.value, now.tag);
      replace(next);
      if (hasConflict(next)) {
        throw new Undecided();
      }
      if (isDirty(next)) {
        await send(changes(next), next);
      }
      return "merged" as const;
    },
    onSuccess: (how) => {
      toast(t(how));
      // Read for this form again: the tag is another one now, and nothing in it is different any more.
      return reread();
    },
  });
  const refused = isApiError(save.error) ? save.error : undefined;
  const errorOf = (path: string) =>
    refused?.field === path || refused?.field?.startsWith(`${path}.`) ? refused.message : undefined;
  const isNamed = refused?.field ? (refused.field.split(".")[0] ?? "") in draft.mine : false;
  return {
    draft,
    value: draft.mine,
    theirs: draft.theirs,
    set: (change: Partial<T>) => {
      save.reset();
      set(change);
    },
    settle,
    discard: () => {
      save.reset();
      discard();
    },
    dirty: isDirty(draft),
    undecided: hasConflict(draft),
    save: () => save.mutate(),
    saving: save.isPending,
    errorOf,
    /** An error that belongs to no field that is shown. */
    error: save.error && !isNamed && !(save.error instanceof Undecided) ? save.error : undefined,
  };
}

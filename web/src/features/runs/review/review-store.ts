// What somebody noted while they read a change: which files they have seen and what they have to say. Kept on this
// device, for this account and this run, so that a reload, a closed tab or a lost connection loses nothing.
import { useSyncExternalStore } from "react";
import type { Comment } from "./review-rows";

export type Notes = {
  comments: readonly Comment[];
  /** For each file that was seen, what it looked like. */
  viewed: Readonly<Record<string, string>>;
};

const nothing: Notes = { comments: [], viewed: {} };

type Storage = Pick<globalThis.Storage, "getItem" | "setItem" | "removeItem">;

export class ReviewStore {
  private notes: Notes;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly key: string,
    private readonly storage: Storage = localStorage,
  ) {
    this.notes = this.read();
  }

  getNotes = (): Notes => this.notes;

  onNotes = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    globalThis.addEventListener?.("storage", this.elsewhere);
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) {
        globalThis.removeEventListener?.("storage", this.elsewhere);
      }
    };
  };

  /** Puts a comment in, or in the place of what it was before. */
  put(comment: Comment): void {
    const known = this.notes.comments.some((each) => each.id === comment.id);
    this.set({
      comments: known
        ? this.notes.comments.map((each) => (each.id === comment.id ? comment : each))
        : [...this.notes.comments, comment],
    });
  }

  remove(...ids: string[]): void {
    this.set({ comments: this.notes.comments.filter((comment) => !ids.includes(comment.id)) });
  }

  /** Notes that a file was seen as it looks now, or that it was not. */
  mark(path: string, fingerprint: string | undefined): void {
    const { [path]: _, ...viewed } = this.notes.viewed;
    this.set({ viewed: fingerprint === undefined ? viewed : { ...viewed, [path]: fingerprint } });
  }

  private set(change: Partial<Notes>): void {
    this.notes = { ...this.notes, ...change };
    try {
      if (this.notes.comments.length === 0 && Object.keys(this.notes.viewed).length === 0) {
        this.storage.removeItem(this.key);
      } else {
        this.storage.setItem(this.key, JSON.stringify(this.notes));
      }
    } catch {
      // A full or forbidden storage takes the memory of the device, not the review of this page.
    }
    this.tell();
  }

  /** The same review in another tab. */
  private readonly elsewhere = (event: StorageEvent) => {
    if (event.key === this.key) {
      this.notes = this.read();
      this.tell();
    }
  };

  private tell(): void {
    for (const listener of this.listeners) {
      listener();
    }
  }

  private read(): Notes {
    try {
      const kept = JSON.parse(this.storage.getItem(this.key) ?? "null") as Partial<Notes> | null;
      return kept && Array.isArray(kept.comments) && typeof kept.viewed === "object"
        ? { comments: kept.comments, viewed: kept.viewed }
        : nothing;
    } catch {
      return nothing;
    }
  }
}

const stores = new Map<string, ReviewStore>();

/** The one store of a review in this tab. */
export function reviewStore(account: string, run: string): ReviewStore {
  const key = `codecourier.review.${account}.${run}`;
  const store = stores.get(key) ?? new ReviewStore(key);
  stores.set(key, store);
  return store;
}

export function useNotes(store: ReviewStore): Notes {
  return useSyncExternalStore(store.onNotes, store.getNotes);
}

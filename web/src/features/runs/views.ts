// Filters of runs that somebody gave a name, kept on this device for an account and a project. The order is that of the
// alphabet.
import { useSyncExternalStore } from "react";

/** A name, and the filter as it is written. */
export type View = { name: string; filter: string };

export const LONGEST_NAME = 60;
/** More than that are not looked through any more. */
export const MOST_VIEWS = 30;

type Storage = Pick<globalThis.Storage, "getItem" | "setItem">;

export class Views {
  private text: string | null = null;
  private all: readonly View[] = [];
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly key: string,
    private readonly storage: Storage = localStorage,
  ) {}

  /** The same object until they change, also in another window. */
  list = (): readonly View[] => {
    const text = this.storage.getItem(this.key);
    if (text !== this.text) {
      this.text = text;
      this.all = read(text);
    }
    return this.all;
  };

  onChange = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    globalThis.addEventListener?.("storage", listener);
    return () => {
      this.listeners.delete(listener);
      globalThis.removeEventListener?.("storage", listener);
    };
  };

  /** Keeps a filter, in the place of what had its name before. */
  save(name: string, filter: string): void {
    const view = { name: name.trim().slice(0, LONGEST_NAME), filter };
    const others = this.list().filter((each) => each.name !== view.name);
    if (view.name && others.length < MOST_VIEWS) {
      this.keep([...others, view].toSorted((one, other) => one.name.localeCompare(other.name)));
    }
  }

  remove(name: string): void {
    this.keep(this.list().filter((each) => each.name !== name));
  }

  private keep(views: readonly View[]): void {
    try {
      this.storage.setItem(this.key, JSON.stringify(views));
    } catch {
      // No place is left, or none is given: the list stays as it is.
    }
    for (const listener of this.listeners) {
      listener();
    }
  }
}

/** What somebody else may have written there is left out. */
function read(text: string | null): View[] {
  try {
    const kept: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(kept)
      ? kept
          .filter((each): each is View => typeof each?.name === "string" && typeof each?.filter === "string")
          .map(({ name, filter }) => ({ name, filter }))
      : [];
  } catch {
    return [];
  }
}

const known = new Map<string, Views>();

/** The views of an account in a project. */
export function viewsOf(account: string, project: string): Views {
  const key = `codecourier.views.${account}.${project}`;
  const views = known.get(key) ?? new Views(key);
  known.set(key, views);
  return views;
}

export function useViews(views: Views): readonly View[] {
  return useSyncExternalStore(views.onChange, views.list);
}

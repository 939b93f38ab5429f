import { useCallback, useState } from "react";
import { begin, type Draft, edited, type Fields, rebased, settled } from "./draft";

/**
 * A draft of what is on the server, kept up with what others save while it is open. It goes on with the one that was
 * kept, if there is one.
 */
export function useDraft<T extends Fields>(value: T, tag: string, kept?: Draft<T>) {
  const [state, setState] = useState(() => kept ?? begin(value, tag));
  // What the screen shows may be older than what saving has just read: only another version is news.
  const [seen, setSeen] = useState(state.tag);
  let draft = state;
  if (seen !== tag) {
    setSeen(tag);
    if (state.tag !== tag) {
      draft = rebased(state, value, tag);
      setState(draft);
    }
  }
  return {
    draft,
    set: useCallback((change: Partial<T>) => setState((now) => edited(now, change)), []),
    settle: useCallback(
      (key: keyof T, take: "mine" | "theirs") => setState((now) => settled(now, key, take)),
      [],
    ),
    replace: useCallback((next: Draft<T>) => setState(next), []),
    discard: useCallback(() => setState((now) => begin(now.base, now.tag)), []),
  };
}

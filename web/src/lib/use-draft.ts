import { useCallback, useState } from "react";
import { begin, type Draft, edited, type Fields, rebased, settled } from "./draft";

/** A draft of what is on the server, kept up with what others save while it is open. */
export function useDraft<T extends Fields>(value: T, tag: string) {
  const [state, setState] = useState(() => begin(value, tag));
  let draft = state;
  if (state.tag !== tag) {
    draft = rebased(state, value, tag);
    setState(draft);
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

// The time, for what counts up. One timer for all that is shown, and none while nothing is.
import { useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let now = Date.now();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) {
      each();
    }
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

const still = () => () => {};

/** The time, told every second while `ticking`. */
export function useNow(ticking: boolean): number {
  const shown = useSyncExternalStore(ticking ? subscribe : still, () => now);
  return ticking ? Math.max(shown, now) : shown;
}

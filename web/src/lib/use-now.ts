// The time, for what counts up and for how long ago something was. One timer for all that is shown, and none while nothing is.
import { useSyncExternalStore } from "react";

function told(every: number) {
  const listeners = new Set<() => void>();
  let timer: ReturnType<typeof setInterval> | undefined;
  return (listener: () => void) => {
    listeners.add(listener);
    timer ??= setInterval(() => {
      for (const each of listeners) {
        each();
      }
    }, every);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) {
        clearInterval(timer);
        timer = undefined;
      }
    };
  };
}

const eachSecond = told(1000);
const nowAndThen = told(30_000);

/** Of whole seconds: asked for again at once it is the same. */
const read = () => Math.floor(Date.now() / 1000) * 1000;

/** The time: told every second while `ticking`, and every half minute else. */
export function useNow(ticking: boolean): number {
  return useSyncExternalStore(ticking ? eachSecond : nowAndThen, read);
}

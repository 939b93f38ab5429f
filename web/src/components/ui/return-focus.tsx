// Where the keyboard was before a dialog opened, and goes back to when it closes. The primitives know it only of a dialog
// that has a button of its own; most of ours are opened by a command, which any key or the palette may have started.
import { type RefObject, useCallback, useRef, useState } from "react";

/** For what is open: where the keyboard was before, the best place first. */
const places = new WeakMap<Element, readonly HTMLElement[]>();

/** The same of what closes at this very moment. The keyboard is nowhere then, and another dialog may open in its place. */
let closing: readonly HTMLElement[] = [];

/**
 * For the content of a dialog: `content` goes onto it, and `<Remember into={remember} />` into it, so that it is asked
 * before anything in there takes the focus.
 */
export function useReturnFocus() {
  const remember = useRef<readonly HTMLElement[]>([]);
  const ref = useCallback((node: HTMLElement | null) => {
    if (node) {
      places.set(node, remember.current);
    } else {
      closing = remember.current;
      setTimeout(() => {
        closing = [];
      });
    }
  }, []);
  const onCloseAutoFocus = (event: Event) => {
    const back = remember.current.find((each) => each.isConnected);
    if (back) {
      event.preventDefault();
      back.focus();
    }
  };
  return { remember, content: { ref, onCloseAutoFocus } };
}

export function Remember({ into }: { into: RefObject<readonly HTMLElement[]> }) {
  // At the first time that it is drawn, which is before it is in the page.
  useState(() => {
    into.current = placesOf(document.activeElement);
  });
  return null;
}

/** Somewhere that is in a menu or a dialog itself goes away with it: then where that was opened from is the place. */
export function placesOf(active: Element | null): readonly HTMLElement[] {
  if (!(active instanceof HTMLElement) || active === document.body) {
    return closing;
  }
  const layer = active.closest("[role=menu], [role=dialog], [role=alertdialog]");
  const opener = layer?.matches("[role=menu]")
    ? document.getElementById(layer.getAttribute("aria-labelledby") ?? "")
    : null;
  return [active, ...(opener ? [opener] : []), ...((layer && places.get(layer)) ?? [])];
}

// Light, dark or as the system has it. `public/theme.js` does the same before anything is painted.
import { useSyncExternalStore } from "react";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const KEPT = "codecourier.theme";
const listeners = new Set<() => void>();
const system = typeof matchMedia === "undefined" ? undefined : matchMedia("(prefers-color-scheme: dark)");

function chosen(): Theme {
  const kept = localStorage.getItem(KEPT);
  return themes.find((theme) => theme === kept) ?? "system";
}

function apply(): void {
  const theme = chosen();
  const dark = theme === "dark" || (theme === "system" && system?.matches === true);
  document.documentElement.classList.toggle("dark", dark);
  for (const listener of listeners) {
    listener();
  }
}

system?.addEventListener("change", apply);

export function chooseTheme(theme: Theme): void {
  localStorage.setItem(KEPT, theme);
  apply();
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, chosen);
}

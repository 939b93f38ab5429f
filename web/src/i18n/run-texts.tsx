import { lazyTexts } from "./lazy-texts";

/** What the screens of runs and sandboxes say. */
export const RunTexts = lazyTexts({
  en: () => import("./runs/en.json"),
  de: () => import("./runs/de.json"),
  es: () => import("./runs/es.json"),
  fr: () => import("./runs/fr.json"),
  ja: () => import("./runs/ja.json"),
});

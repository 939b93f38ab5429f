import { lazyTexts } from "./lazy-texts";

/** What the screens say where things are set up. */
export const ConfigureTexts = lazyTexts({
  en: () => import("./configure/en.json"),
  de: () => import("./configure/de.json"),
  es: () => import("./configure/es.json"),
  fr: () => import("./configure/fr.json"),
  ja: () => import("./configure/ja.json"),
});

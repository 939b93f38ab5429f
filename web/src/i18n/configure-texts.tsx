// The texts of screens where things are set up: many words that most visits never show, loaded with those screens.
import { type ReactNode, useEffect, useState } from "react";
import { IntlProvider, useLocale, useMessages, useTimeZone } from "use-intl";
import type { Locale, Messages } from ".";
import type en from "./configure/en.json";

type Texts = typeof en;

const load: Record<Locale, () => Promise<{ default: Texts }>> = {
  en: () => import("./configure/en.json"),
  de: () => import("./configure/de.json"),
  es: () => import("./configure/es.json"),
  fr: () => import("./configure/fr.json"),
  ja: () => import("./configure/ja.json"),
};

let kept: { locale: Locale; texts: Texts } | undefined;

/** Gives its children these texts too; shows them as soon as the texts are there. */
export function ConfigureTexts({ children }: { children: ReactNode }) {
  const locale = useLocale();
  const messages = useMessages();
  const timeZone = useTimeZone();
  const [loaded, setLoaded] = useState(kept);
  useEffect(() => {
    if (kept?.locale === locale) {
      setLoaded(kept);
      return;
    }
    let stale = false;
    void load[locale]().then(({ default: texts }) => {
      kept = { locale, texts };
      if (!stale) {
        setLoaded(kept);
      }
    });
    return () => {
      stale = true;
    };
  }, [locale]);
  return loaded ? (
    <IntlProvider
      locale={loaded.locale}
      messages={{ ...messages, ...loaded.texts } as Messages}
      {...(timeZone ? { timeZone } : {})}
    >
      {children}
    </IntlProvider>
  ) : null;
}

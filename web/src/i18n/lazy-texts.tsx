// Texts that most visits never show are loaded with the screens that say them.
import { type ReactNode, useEffect, useState } from "react";
import { IntlProvider, useLocale, useMessages, useTimeZone } from "use-intl";
import type { Locale, Messages } from ".";
import { languageOf, regional } from "./regional";

/** A component that gives its children more texts, and shows them as soon as those are there. */
export function lazyTexts<Texts extends object>(load: Record<Locale, () => Promise<{ default: Texts }>>) {
  let kept: { locale: Locale; texts: Texts } | undefined;
  return function LazyTexts({ children }: { children: ReactNode }) {
    const locale = languageOf(useLocale());
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
        locale={regional(loaded.locale)}
        messages={{ ...messages, ...loaded.texts } as Messages}
        {...(timeZone ? { timeZone } : {})}
      >
        {children}
      </IntlProvider>
    ) : null;
  };
}

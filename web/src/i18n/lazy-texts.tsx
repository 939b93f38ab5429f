// Texts that most visits never show are loaded with the screens that say them.
import { type ReactNode, useEffect, useState } from "react";
import { IntlProvider, useLocale, useMessages, useTimeZone } from "use-intl";
import type { Locale, Messages } from ".";
import { languageOf, regional } from "./regional";

/**
 * A component that gives its children more texts, and shows them as soon as those are there: at once, when `ahead` was
 * waited for.
 */
export function lazyTexts<Texts extends object>(load: Record<Locale, () => Promise<{ default: Texts }>>) {
  let kept: { locale: Locale; texts: Texts } | undefined;
  const ahead = async (locale: Locale): Promise<void> => {
    if (kept?.locale !== locale) {
      kept = { locale, texts: (await load[locale]()).default };
    }
  };
  function LazyTexts({ children }: { children: ReactNode }) {
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
      void ahead(locale).then(() => {
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
  }
  return Object.assign(LazyTexts, { ahead });
}

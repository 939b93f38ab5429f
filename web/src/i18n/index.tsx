// The languages of the interface. Only the one that is shown is loaded; texts are ICU messages.
import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from "react";
import { IntlProvider } from "use-intl";
import type configure from "./configure/en.json";
import en from "./en.json";
import { regional } from "./regional";
import type runs from "./runs/en.json";

export const locales = { en: "English", de: "Deutsch", es: "Español", fr: "Français", ja: "日本語" } as const;
export type Locale = keyof typeof locales;
/** What every screen may say, and what those inside of `ConfigureTexts` or `RunTexts` may say besides. */
export type Messages = typeof en & typeof configure & typeof runs;

declare module "use-intl" {
  interface AppConfig {
    Messages: Messages;
  }
}

const load: Record<Locale, () => Promise<{ default: typeof en }>> = {
  en: () => Promise.resolve({ default: en }),
  de: () => import("./de.json"),
  es: () => import("./es.json"),
  fr: () => import("./fr.json"),
  ja: () => import("./ja.json"),
};

// Asking takes a while, so it is asked once.
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();

const KEPT = "codecourier.locale";
const Chosen = createContext<{ locale: Locale; choose: (locale: Locale) => void }>({
  locale: "en",
  choose: () => {},
});

/** What was chosen on this device, else the first language of the browser that there is. */
export function preferredLocale(): Locale {
  const isLocale = (text: string | null): text is Locale => text !== null && text in locales;
  const kept = localStorage.getItem(KEPT);
  if (isLocale(kept)) {
    return kept;
  }
  return navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find(isLocale) ?? "en";
}

export function LocaleProvider({ children }: { children: ReactNode }) {
  const [locale, setLocale] = useState(preferredLocale);
  const [shown, setShown] = useState<{ locale: Locale; messages: typeof en }>({ locale: "en", messages: en });
  useEffect(() => {
    let stale = false;
    void load[locale]().then((loaded) => {
      if (!stale) {
        setShown({ locale, messages: loaded.default });
        document.documentElement.lang = locale;
      }
    });
    return () => {
      stale = true;
    };
  }, [locale]);
  const choose = useCallback((next: Locale) => {
    localStorage.setItem(KEPT, next);
    setLocale(next);
  }, []);
  return (
    <Chosen value={{ locale, choose }}>
      <IntlProvider
        locale={regional(shown.locale)}
        // The others come with the screens that say them.
        messages={shown.messages as Messages}
        timeZone={timeZone}
      >
        {children}
      </IntlProvider>
    </Chosen>
  );
}

export function useLocaleChoice() {
  return useContext(Chosen);
}

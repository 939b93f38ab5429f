import type { Locale } from ".";

/** How somebody writes dates and numbers in a language: as their browser says, when it is of that language. */
export function regional(locale: Locale, tags: readonly string[] = navigator.languages): string {
  return tags.find((tag) => languageOf(tag) === locale) ?? locale;
}

/** The language of what [`regional`] gives. */
export function languageOf(tag: string): Locale {
  return tag.slice(0, 2).toLowerCase() as Locale;
}

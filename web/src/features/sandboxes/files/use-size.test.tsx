import { renderHook } from "@testing-library/react";
import { IntlProvider } from "use-intl";
import { expect, test } from "vitest";
import { useSize } from "./use-size";

test("sizes are short in every language, those of a few bytes too", () => {
  const said = (locale: string) => {
    const { result } = renderHook(useSize, {
      wrapper: ({ children }) => (
        <IntlProvider locale={locale} messages={{}} timeZone="UTC">
          {children}
        </IntlProvider>
      ),
    });
    return [0, 22, 999, 2300, 12_345_678].map((bytes) => result.current(bytes).replaceAll(/\s/g, " "));
  };
  expect(said("en")).toEqual(["0 B", "22 B", "999 B", "2.3 kB", "12 MB"]);
  expect(said("de")).toEqual(["0 B", "22 B", "999 B", "2,3 kB", "12 MB"]);
  expect(said("es")).toEqual(["0 B", "22 B", "999 B", "2,3 kB", "12 MB"]);
  expect(said("fr")).toEqual(["0 o", "22 o", "999 o", "2,3 ko", "12 Mo"]);
  expect(said("ja")).toEqual(["0 B", "22 B", "999 B", "2.3 KB", "12 MB"]);
});

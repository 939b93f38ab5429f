import { act, render } from "@testing-library/react";
import { Tooltip } from "radix-ui";
import { IntlProvider } from "use-intl";
import { afterEach, expect, test, vi } from "vitest";
import { Ago } from "./moments";

afterEach(() => vi.useRealTimers());

function shown(at: Date) {
  return render(
    <IntlProvider locale="en" messages={{}} timeZone="UTC">
      <Tooltip.Provider>
        <Ago at={at.toISOString()} />
      </Tooltip.Provider>
    </IntlProvider>,
  ).container;
}

test.each([
  [59_700, "59 seconds ago"],
  [119_000, "1 minute ago"],
  [3_599_000, "59 minutes ago"],
  [86_399_000, "23 hours ago"],
  [-5000, "now"],
])("what was %d ms ago has gone by in whole units", (milliseconds, said) => {
  vi.useFakeTimers({ now: Date.parse("2026-11-23T12:00:00Z") });
  expect(shown(new Date(Date.now() - milliseconds)).textContent).toBe(said);
});

test("a page that stays open says how long ago it is by now", () => {
  vi.useFakeTimers({ now: Date.parse("2026-11-23T12:00:00Z") });
  const first = shown(new Date());
  act(() => vi.advanceTimersByTime(3_600_000));
  expect(first.textContent).toBe("1 hour ago");
  // What comes up later on is no older than it is.
  expect(shown(new Date(Date.now() - 120_000)).textContent).toBe("2 minutes ago");
});

import { render } from "@testing-library/react";
import { expect, test } from "vitest";
import { Quoted } from "./quoted";

test("what a sentence quotes stands out, and a lone backtick stays", () => {
  const shown = (text: string) =>
    render(<Quoted text={text} />).container.innerHTML.replace(/ class="[^"]*"/g, "");
  expect(shown("There is no `a/b` in `c`.")).toBe("There is no <code>a/b</code> in <code>c</code>.");
  expect(shown("It`s gone")).toBe("It`s gone");
});

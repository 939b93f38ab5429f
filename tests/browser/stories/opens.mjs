// Everything that opens is opened once: menus, choices, what is folded, also inside of dialogs. None of it breaks its page.
import { furnishes, REJECTED_ONCE, settlesIn, startsEndless, startsRun, waitsForEnd } from "../lib/acts.mjs";
import { goTo, inside } from "../lib/screens.mjs";

const OPENS = "[aria-haspopup], [aria-expanded]";

export default async function tell({ arrives }) {
  const ada = await arrives({ name: "ada" });
  const { page } = ada;
  const slug = await settlesIn(ada);
  await furnishes(ada, slug);
  const run = await startsRun(ada, slug, { prompt: REJECTED_ONCE });
  await waitsForEnd(ada, slug, run);
  const { sandbox, stop } = await startsEndless(ada, slug);
  let opened = 0;
  for (const screen of inside) {
    const arrive = async () => {
      await goTo(page, screen, { slug, run, sandbox });
      return marksWhatOpens(page);
    };
    const names = await arrive();
    for (const [index, name] of names.entries()) {
      const control = page.locator(`[data-opens="${index}"]`);
      // What was opened before may have taken its place, or gone with it.
      if ((await control.count()) === 0 || !(await control.isVisible())) {
        await arrive();
      }
      await control.click();
      await hasSettled(page);
      ada.isClean(`${screen.name}, ${name}`);
      await page.keyboard.press("Escape");
      await hasSettled(page);
      ada.isClean(`${screen.name}, ${name}, closed`);
      opened++;
    }
  }
  await stop();
  if (opened < inside.length) {
    throw new Error(`only ${opened} things opened on ${inside.length} screens`);
  }
}

/** Numbers what opens on a page, and is on top there. Gives the names. */
function marksWhatOpens(page) {
  return page.evaluate((opens) => {
    const within = [...document.querySelectorAll("[role=dialog]")].at(-1) ?? document;
    const shown = [...within.querySelectorAll(opens)].filter(
      (element) => element.checkVisibility() && element.matches(":is(button, summary, a):not(:disabled)"),
    );
    return shown.map((element, index) => {
      element.dataset.opens = index;
      return element.getAttribute("aria-label") ?? element.textContent.trim().slice(0, 40);
    });
  }, OPENS);
}

/** Whatever a click began was drawn, and what that asked for is here. */
async function hasSettled(page) {
  await page.evaluate(
    () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn()))),
  );
  await page.waitForFunction(() => document.querySelector("[data-skeleton]") === null);
}

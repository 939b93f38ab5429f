// Without a mouse: from signing in to a run that is watched and stopped. Wherever the focus is, it can be seen.
import { asks, EMAIL, PASSWORD, settlesIn } from "../lib/acts.mjs";

/** Presses Tab until something of this name has the focus. */
async function tabsTo(page, role, name) {
  for (let pressed = 0; pressed < 60; pressed++) {
    const target = page.getByRole(role, { name }).first();
    if (
      (await target.count()) > 0 &&
      (await target.evaluate((element) => element === document.activeElement))
    ) {
      await seesFocus(page, `${role} ${name}`);
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`60 times Tab do not lead to the ${role} “${name}”`);
}

/** Waits until the focus is on it: it comes back a moment after a dialog has gone. */
async function hasFocus(page, role, name) {
  const target = await page.getByRole(role, { name }).first().elementHandle();
  await page.waitForFunction((element) => element === document.activeElement, target);
}

async function seesFocus(page, what) {
  const seen = await page.evaluate(() => {
    const style = getComputedStyle(document.activeElement);
    return style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 1
      ? true
      : style.boxShadow !== "none";
  });
  if (!seen) {
    throw new Error(`the focus on ${what} cannot be seen`);
  }
}

export default async function tell({ arrives }) {
  const host = await arrives({ name: "host" });
  const slug = await settlesIn(host);

  const ada = await arrives({ name: "ada" });
  const { page } = ada;
  await page.goto(`/p/${slug}/runs`);
  await page.getByLabel("Email").waitFor();
  await tabsTo(page, "textbox", "Email");
  await page.keyboard.type(EMAIL);
  await page.keyboard.press("Tab");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByText("No runs yet").waitFor();

  // A run: one key, words, one chord. The workflow is chosen on the way.
  await page.keyboard.press("n");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.type("Wait for me.\n@@say I wait.\n@@bash true\n@@hang");
  await tabsTo(page, "combobox", /Workflow/);
  await page.keyboard.press("Enter");
  await page.getByRole("option", { name: "single", exact: true }).waitFor();
  await page.keyboard.type("single");
  // What is typed moves the focus a moment later, and it comes back a moment after the choice; nobody is faster.
  await hasFocus(page, "option", /^single$/);
  await page.keyboard.press("Enter");
  await hasFocus(page, "combobox", /Workflow/);
  await page.keyboard.press("Control+Enter");
  await page.getByRole("heading", { level: 1, name: /Wait for me/ }).waitFor();
  await page.getByText("I wait.", { exact: true }).waitFor();

  // The views have keys; each step and each folded part is reached with Tab.
  await page.keyboard.press("3");
  await page.getByRole("region", { name: "Recorded events" }).waitFor();
  await page.keyboard.press("1");
  await page.getByRole("region", { name: "Transcript" }).waitFor();
  await tabsTo(page, "button", /designer #1/);

  // Stopped from the palette; the focus comes back from each dialog.
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.type("stop");
  await page.getByRole("option", { name: /^Stop/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("alertdialog").waitFor();
  await tabsTo(page, "button", "Stop");
  await page.keyboard.press("Enter");
  await page.getByText("Cancelled").first().waitFor();
  await page.getByRole("alertdialog").waitFor({ state: "detached" });
  await hasFocus(page, "button", /designer #1/);

  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await ada.endsScreen("shortcuts");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await hasFocus(page, "button", /designer #1/);
  await page.keyboard.press("g");
  await page.keyboard.press("r");
  await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
  await page.keyboard.press("j");
  await seesFocus(page, "a run in the list");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: /Wait for me/ }).waitFor();
  const { data } = await asks(ada, "GET", `/projects/${slug}/runs`);
  if (data.length !== 1) {
    throw new Error(`one run was started, ${data.length} are there`);
  }

  // The card of a member opens where the keyboard rests, and is no stop of its own.
  await page.keyboard.press("g");
  await page.keyboard.press("m");
  await page.getByRole("row", { name: /Ada/ }).waitFor();
  await page.keyboard.press("j");
  const card = page.getByText(/^Owner · /);
  await card.waitFor();
  await ada.endsScreen("the card of a member");
  await page.keyboard.press("Escape");
  await card.waitFor({ state: "detached" });

  // The person's own menu: where it leads, what it chooses, and the way out.
  const own = page.getByRole("button", { name: "Ada", exact: true });
  await own.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Account" }).waitFor();
  await ada.endsScreen("the menu of the person");
  await hasFocus(page, "menuitem", "Account");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Account" }).waitFor();
  await own.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitemradio", { name: "Deutsch" }).waitFor();
  await page.keyboard.type("Deutsch");
  await hasFocus(page, "menuitemradio", "Deutsch");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Konto" }).waitFor();
  await own.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Abmelden" }).waitFor();
  await page.keyboard.press("End");
  await hasFocus(page, "menuitem", "Abmelden");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Anmelden" }).waitFor();
  ada.isClean("the way out");
  await page.getByLabel("E-Mail").fill(EMAIL);
  await page.getByLabel("Passwort").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await own.waitFor();
  ada.isClean("the way in again");
}

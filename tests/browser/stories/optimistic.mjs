// What somebody asks for shows before the server has answered, goes back with the reason when it refuses, and what was
// removed comes back.
import { asks, settlesIn } from "../lib/acts.mjs";

/** Holds what the page asks of an address until it is let go. Gives what lets it go. */
async function holds(page, method, path) {
  let letGo;
  const held = new Promise((resolve) => {
    letGo = resolve;
  });
  await page.route(`**/api/v1${path}`, async (route) => {
    if (route.request().method() === method) {
      await held;
    }
    await route.continue();
  });
  return letGo;
}

function is(what, found, expected) {
  if (found !== expected) {
    throw new Error(`${what} is ${found} and not ${expected}`);
  }
}

export default async function tell({ arrives }) {
  const ada = await arrives({ name: "ada" });
  const { page } = ada;
  const slug = await settlesIn(ada);
  const variables = `/projects/${slug}/variables`;
  const { data: variable } = await asks(ada, "POST", variables, {
    name: "GREETING",
    value: "hello",
    secret: false,
  });

  // Another name shows in the frame while the server still thinks about it.
  await page.goto(`/p/${slug}/settings/general`);
  const renames = await holds(page, "PATCH", `/projects/${slug}`);
  await page.getByLabel("Name", { exact: true }).fill("Corner shop");
  await page.keyboard.press("Control+s");
  await page.getByRole("navigation").getByText("Corner shop").first().waitFor();
  is("the name", (await asks(ada, "GET", `/projects/${slug}`)).data.name, "Shop");
  renames();
  await page.getByText("Saved.").waitFor();

  // So does what is removed, and it comes back.
  await page.goto(`/p/${slug}/settings/environment`);
  const row = page.getByRole("listitem").filter({ hasText: "GREETING" });
  await row.getByText("hello").waitFor();
  const removes = await holds(page, "DELETE", `${variables}/${variable.id}`);
  await page.getByRole("button", { name: "Remove GREETING" }).click();
  await row.waitFor({ state: "detached" });
  is("the number of variables", (await asks(ada, "GET", variables)).data.length, 1);
  removes();
  const undo = page.getByRole("button", { name: "Undo" });
  await undo.waitFor();
  is("the number of variables", (await asks(ada, "GET", variables)).data.length, 0);
  await ada.endsScreen("a removed variable");
  await page.keyboard.press("z");
  await row.getByText("hello").waitFor();
  await undo.waitFor({ state: "detached" });

  // A change that is refused goes back, says why, and what was written is not lost. Somebody was faster here.
  const { data } = await asks(ada, "GET", variables);
  const changes = await holds(page, "PATCH", `${variables}/${data[0].id}`);
  await page.keyboard.press("j");
  await page.keyboard.press("e");
  await page.getByLabel("Value").fill("good morning");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await row.getByText("good morning").waitFor();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await asks(ada, "DELETE", `${variables}/${data[0].id}`);
  ada.outage = true;
  changes();
  await page
    .getByText(/^NOT_FOUND · [0-9a-f]{32}$/)
    .first()
    .waitFor();
  await page.getByRole("dialog").waitFor();
  is("what was written", await page.getByLabel("Value").inputValue(), "good morning");
  await page.keyboard.press("Escape");
  await page.getByText("No variables yet.").waitFor();
  ada.outage = false;
  await ada.endsScreen("why a change went back");
}

// Two browsers: what one does or what a run does shows in both, within a second of each other, and nothing is loaded anew.
import { asks, REJECTED_ONCE, settlesIn, signsIn } from "../lib/acts.mjs";

/** When a text is shown on a page, by the clock of the machine. It must not be there yet. */
function shows({ page, name }, text) {
  return page.evaluate(
    ([text, name]) =>
      new Promise((resolve, reject) => {
        const isThere = () => document.body.textContent.includes(text);
        if (isThere()) {
          reject(new Error(`${name} sees “${text}” before it happens`));
        }
        const observer = new MutationObserver(() => {
          if (isThere()) {
            observer.disconnect();
            resolve(Date.now());
          }
        });
        observer.observe(document.body, { subtree: true, childList: true, characterData: true });
        setTimeout(() => reject(new Error(`${name} does not see “${text}”`)), 60_000);
      }),
    [text, name],
  );
}

/** Both see what `act` does. */
async function bothSee(visitors, text, act = async () => {}) {
  const [[one, other]] = await Promise.all([
    Promise.all(visitors.map((visitor) => shows(visitor, text))),
    act(),
  ]);
  const apart = Math.abs(one - other);
  if (apart > 1000) {
    throw new Error(`“${text}” was seen ${apart} ms apart`);
  }
}

export default async function tell({ arrives }) {
  const left = await arrives({ name: "left" });
  const slug = await settlesIn(left);
  const right = await arrives({ name: "right", apart: true });
  await signsIn(right);
  const both = [left, right];
  for (const { page } of both) {
    await page.goto(`/p/${slug}/runs`);
    await page.getByText("No runs yet").waitFor();
  }
  const began = await Promise.all(both.map((visitor) => visitor.pageBegan()));

  // A run that one of them starts is in the other one's list.
  let run;
  await bothSee(both, "Make the greeting friendlier.", async () => {
    run = (await asks(left, "POST", `/projects/${slug}/runs`, { prompt: REJECTED_ONCE })).data;
  });
  for (const { page } of both) {
    await page.getByRole("link", { name: /Make the greeting friendlier/ }).click();
    await page.getByRole("region", { name: "Steps" }).waitFor();
  }
  await bothSee(both, "Greet the whole world.");
  await bothSee(both, "Now everybody is greeted.");
  await Promise.all(
    both.map(({ page }) => page.getByText("Completed").first().waitFor({ timeout: 120_000 })),
  );

  // What somebody does to the project, and to a run.
  await bothSee(both, "Corner shop", () =>
    asks(right, "PATCH", `/projects/${slug}`, { name: "Corner shop" }),
  );
  for (const { page } of both) {
    await page.getByRole("navigation").getByRole("link", { name: "Runs" }).first().click();
    await page.getByRole("heading", { name: "Runs", level: 1 }).waitFor();
  }
  // Where runs are already, a new one announces itself above them.
  await bothSee(both, "1 new run", async () => {
    const prompt = "Hang on.\n@@hang";
    run = (await asks(right, "POST", `/projects/${slug}/runs`, { prompt, workflow: "single" })).data;
  });
  for (const { page } of both) {
    await page.getByRole("button", { name: "1 new run" }).click();
    await page.getByRole("link", { name: /Hang on/ }).press("Enter");
  }
  await Promise.all(both.map(({ page }) => page.getByText("Running").first().waitFor()));
  await bothSee(both, "Cancelled", () => asks(left, "POST", `/projects/${slug}/runs/${run.id}/cancel`));
  const now = await Promise.all(both.map((visitor) => visitor.pageBegan()));
  if (now.join() !== began.join()) {
    throw new Error("a page was loaded anew");
  }
  for (const visitor of both) {
    visitor.isClean("the end");
  }
}

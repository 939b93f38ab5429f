// The server is killed while an agent works, and started again. The page that is open goes on by itself; in the end it has
// every event that the API has, once.
import { asks, settlesIn } from "../lib/acts.mjs";
import { ask } from "../lib/stage.mjs";

/** An agent that says one thing after another for some seconds. */
const TALKS = `Count.
@@slow 30
${Array.from({ length: 12 }, (_, number) => `@@say Number ${number + 1}.\n@@bash sleep 0.5; echo ${number + 1}`).join("\n")}
@@write counted.txt <<< 12
@@say That is all.`;

/** Every recorded event that the page shows, in the order of their numbers; and those that it shows twice. */
async function eventsOn(page) {
  await page.getByRole("tab", { name: "Raw" }).click();
  const region = page.getByRole("region", { name: "Recorded events" });
  await region.waitFor();
  return region.evaluate(async (scroller) => {
    const seen = new Map();
    const doubled = [];
    const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    for (scroller.scrollTop = 0, await painted(); ; ) {
      const rows = [...scroller.querySelectorAll("[data-index]")];
      const numbers = rows.map((row) => Number(row.children[0].textContent));
      doubled.push(...numbers.filter((number, at) => numbers.indexOf(number) !== at));
      for (const [at, row] of rows.entries()) {
        seen.set(numbers[at], row.lastElementChild.textContent);
      }
      const before = scroller.scrollTop;
      scroller.scrollTop += scroller.clientHeight / 2;
      await painted();
      if (scroller.scrollTop === before) {
        return { events: [...seen].sort(([one], [other]) => one - other), doubled };
      }
    }
  });
}

export default async function tell({ arrives }) {
  const ada = await arrives({ name: "ada" });
  const { page } = ada;
  const slug = await settlesIn(ada);
  const body = { prompt: TALKS, workflow: "single" };
  const run = (await asks(ada, "POST", `/projects/${slug}/runs`, body)).data;
  await page.goto(`/p/${slug}/runs/${run.id}`);
  const transcript = page.getByRole("region", { name: "Transcript" });
  await transcript.getByText("Number 2.", { exact: true }).waitFor();
  const began = await ada.pageBegan();

  ada.outage = true;
  await ask("kill");
  await page.getByText("Reconnecting…").waitFor();
  await ada.axeOnly("without a server");
  await ask("start");
  await page.getByText("Reconnecting…").waitFor({ state: "detached" });
  ada.outage = false;

  await transcript.getByText("That is all.", { exact: true }).waitFor({ timeout: 120_000 });
  await page.getByText("Completed").first().waitFor();
  const { events, doubled } = await eventsOn(page);
  if ((await ada.pageBegan()) !== began) {
    throw new Error("the page was loaded anew");
  }
  const recorded = await asks(ada, "GET", `/projects/${slug}/runs/${run.id}/events?limit=500`);
  const expected = recorded.data.map(({ seq, event }) => [seq, JSON.stringify(event)]);
  if (recorded.hasMore || expected.length < 40) {
    throw new Error(`the run has ${expected.length} events; the story counts on between 40 and 500`);
  }
  if (doubled.length > 0) {
    throw new Error(`shown twice: ${doubled}`);
  }
  const missing = expected.filter(
    ([seq, text]) => !events.some(([number, shown]) => number === seq && shown === text),
  );
  const foreign = events.filter(([seq]) => !expected.some(([number]) => number === seq));
  if (missing.length > 0 || foreign.length > 0 || events.length !== expected.length) {
    throw new Error(
      `of ${expected.length} events the page has ${events.length}; missing ${JSON.stringify(missing)}, ` +
        `unknown ${JSON.stringify(foreign)}`,
    );
  }
  await ada.endsScreen("after the restart");
}

// A newcomer: from a fresh server to a change that was rejected, mended, accepted and read.
import { asks, makesFirstAccount, PICTURE, REJECTED_ONCE, startsEndless } from "../lib/acts.mjs";
import { goTo, inside } from "../lib/screens.mjs";
import { stage } from "../lib/stage.mjs";

export default async function tell({ arrives }) {
  const ada = await arrives({ name: "ada" });
  const { page } = ada;

  await page.goto("/");
  await page.getByRole("heading", { name: "Set up CodeCourier" }).waitFor();
  await ada.endsScreen("the first account");
  await makesFirstAccount(ada);
  await page.getByText("No project yet").waitFor();
  await ada.endsScreen("no projects");

  await page.getByRole("button", { name: "New project" }).first().click();
  await page.getByRole("dialog").getByLabel("Name").fill("Shop");
  await page.getByRole("dialog").getByLabel("Repository").fill(stage.repository);
  await ada.endsScreen("a new project");
  await page.getByRole("button", { name: "Create project" }).click();
  await page.getByText("No runs yet").waitFor();
  await ada.endsScreen("no runs");

  await page.goto("/p/shop/settings/provider-keys");
  const anthropic = page.getByRole("listitem").filter({ hasText: "Anthropic" });
  await anthropic.getByRole("button", { name: "Set" }).click();
  await page.getByLabel("Key of Anthropic").fill("sk-ant-api03-of-the-scripted-model");
  await anthropic.getByRole("button", { name: "Save" }).click();
  await page.getByText("Anthropic accepts the key.").waitFor();
  await anthropic.getByText("…odel").waitFor();
  await ada.endsScreen("provider keys");

  await page.getByRole("link", { name: "Runs" }).first().click();
  await page.getByRole("button", { name: "Start a run" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("What is to be done?").fill(REJECTED_ONCE);
  await dialog
    .getByLabel("Pictures of the run")
    .setInputFiles([PICTURE, { ...PICTURE, name: "notes.txt", mimeType: "text/plain" }]);
  await dialog.getByRole("button", { name: "Open: sketch.png" }).waitFor();
  await dialog.getByText("It is no PNG, JPEG, GIF or WebP picture.").waitFor();
  await ada.endsScreen("start a run");
  await dialog.getByRole("button", { name: "Remove notes.txt" }).click();
  await dialog.getByRole("button", { name: "Start" }).click();

  // Everything from here to the end shows by itself.
  await page.getByRole("heading", { level: 1, name: /Make the greeting friendlier/ }).waitFor();
  const began = await ada.pageBegan();
  const transcript = page.getByRole("region", { name: "Transcript" });
  const steps = page.getByRole("region", { name: "Steps" });
  const header = page.getByRole("banner").or(page.locator("main header")).first();
  await transcript.getByText("I look at the greeting first.").waitFor();
  await header.getByText("Running").waitFor();
  await transcript.getByRole("button", { name: "Open: Picture 1 of 1" }).first().click();
  const picture = page.getByRole("dialog").getByRole("img", { name: "Picture 1 of 1" });
  await picture.evaluate((image) => image.decode());
  await page.keyboard.press("Escape");
  await ada.endsScreen("a run under way");
  await steps.getByText("Greet the whole world.").waitFor();
  await steps.getByText("designer #2").waitFor();
  await header.getByText("Completed").waitFor({ timeout: 120_000 });
  await transcript.getByText("Good.", { exact: true }).waitFor();
  await ada.endsScreen("a completed run");

  await page.getByRole("tab", { name: "Changes" }).click();
  const line = page.getByRole("button", { name: "Line 1, added: hello world" });
  await line.waitFor();
  // Code has its colours: a keyword is a part of its own.
  await page.getByText("def", { exact: true }).waitFor();
  await ada.endsScreen("changes");

  // What is wrong with the change is written beside it, and becomes the task of a second run.
  await line.click();
  const comment = page.getByRole("textbox", { name: /Comment on src\/greeting\.txt/ });
  await comment.fill("Greet everybody by name.");
  await ada.endsScreen("a comment");
  await page.getByRole("button", { name: "Save comment" }).click();
  await page.getByRole("button", { name: "Send 1 comment" }).click();
  await page.getByRole("dialog").getByLabel("Besides the comments").fill("As I say beside the line.");
  await ada.endsScreen("sending comments");
  const first = new URL(page.url()).pathname;
  await page.getByRole("dialog").getByRole("button", { name: "Start the run" }).click();
  await page.waitForURL((url) => url.pathname.startsWith("/p/shop/runs/") && url.pathname !== first);
  await transcript.getByText("I have read the greeting.", { exact: true }).waitFor({ timeout: 120_000 });
  await header.getByText("Completed").waitFor({ timeout: 120_000 });
  const second = new URL(page.url()).pathname.split("/").at(-1);
  const { data } = await asks(ada, "GET", `/projects/shop/runs/${second}`);
  if (!data.prompt.includes("src/greeting.txt") || !data.prompt.includes("Greet everybody by name.")) {
    throw new Error(`the comment did not reach the agent: ${data.prompt}`);
  }
  await page.getByRole("tab", { name: "Changes" }).click();
  await page.getByRole("button", { name: "Line 1, added: hello everybody" }).waitFor();
  await ada.endsScreen("changes of the second run");
  await page.getByRole("tab", { name: "Raw" }).click();
  await page.getByRole("region", { name: "Recorded events" }).waitFor();
  await ada.endsScreen("raw events");
  if ((await ada.pageBegan()) !== began) {
    throw new Error("the page was loaded anew");
  }

  const { sandbox, stop } = await startsEndless(ada, "shop", COUNT);
  await looksInside(ada, sandbox);
  const place = { slug: "shop", run: second, sandbox };
  for (const screen of inside) {
    await goTo(page, screen, place);
    await ada.endsScreen(screen.name);
  }
  await stop();
}

const COUNT = `Count the stock.
@@bash mkdir shelves; echo twelve books > shelves/top.txt; cat shelves/top.txt
@@run echo ${PICTURE.buffer.toString("base64")} | base64 -d > shelves/plan.png
@@read shelves/plan.png`;

/** What the agent does in its sandbox shows in the terminal, what it looked at does, and its files can be read. */
async function looksInside({ page }, sandbox) {
  await page.goto(`/p/shop/sandboxes/${sandbox}`);
  await page.getByRole("button", { name: "Open: Picture 1 of 1 from Read" }).click();
  const picture = page.getByRole("dialog").getByRole("img", { name: "Picture 1 of 1 from Read" });
  await picture.evaluate((image) => image.decode());
  await page.keyboard.press("Escape");
  await page.getByRole("tab", { name: "Terminal" }).click();
  const terminal = page.getByRole("region", { name: "Terminal" });
  await terminal.getByText(/^\$ mkdir shelves/).waitFor();
  await terminal.getByText("twelve books", { exact: true }).waitFor();

  await page.getByRole("tab", { name: "Files" }).click();
  await page.getByRole("button", { name: "shelves" }).click();
  await page.getByRole("button", { name: /^top\.txt/ }).click();
  const file = page.getByRole("region", { name: "Contents of top.txt" });
  await file.getByText("twelve books").waitFor();
  await page.getByRole("button", { name: "Repository" }).click();
  await page.getByRole("button", { name: /^README\.md/ }).click();
  const readme = page.getByRole("region", { name: "Contents of README.md" });
  await readme.getByText("A small shop.").waitFor();
  // Code has its colours here, too: a heading is a part of its own.
  await readme.getByText("# Shop", { exact: true }).waitFor();
}

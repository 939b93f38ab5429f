// What people do at every screen, by what they see of it: roles, names, words.
import { stage } from "./stage.mjs";

export const PASSWORD = "a long sentence of hers";
export const EMAIL = "ada@example.org";

/**
 * A run in which the checker rejects the first attempt and takes the second one. A run that goes on from there, with this
 * as the task before, greets everybody at once.
 */
export const REJECTED_ONCE = `Make the greeting friendlier.
@@when role=designer iteration=1
@@think The greeting is short; a longer one is friendlier.
@@say I look at the greeting first.
@@bash sleep 2; cat src/greeting.txt
@@bash if grep -q world src/greeting.txt; then echo hello everybody > src/greeting.txt; else echo hello there > src/greeting.txt; fi
@@say I made it friendlier.
@@end
@@when role=checker iteration=1
@@bash cat src/greeting.txt
@@write /tmp/fail.json <<< {"verdict":"fail","feedback":"Greet the whole world.","findings":[{"file":"src/greeting.txt","line":1,"severity":"important","message":"Nobody is named."}]}
@@bash mkdir -p /home/user/.codecourier; if grep -q everybody src/greeting.txt; then echo '{"verdict":"pass"}' > /home/user/.codecourier/verdict.json; else cp /tmp/fail.json /home/user/.codecourier/verdict.json; fi
@@say I have read the greeting.
@@end
@@when role=designer iteration=2
@@write src/greeting.txt <<< hello world
@@say Now everybody is greeted.
@@end
@@when role=checker iteration=2
@@write /home/user/.codecourier/verdict.json <<< {"verdict":"pass"}
@@say Good.
@@end`;

/** Makes the first account of a fresh server, at the screen that it shows then. */
export async function makesFirstAccount({ page }) {
  await page.getByLabel("Name").fill("Ada");
  await page.getByLabel("Email").fill(EMAIL);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Create the operator’s account" }).click();
  await page.getByRole("heading", { name: "Projects", level: 1 }).waitFor();
}

export async function signsIn({ page }) {
  await page.goto("/");
  await page.getByLabel("Email").fill(EMAIL);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("navigation").first().waitFor();
}

/** Asks the API as the one who is signed in on the page. */
export async function asks({ page }, method, path, body) {
  return page.evaluate(
    async ([method, path, body]) => {
      const known = method === "PATCH" ? await fetch(`/api/v1${path}`) : undefined;
      const answer = await fetch(`/api/v1${path}`, {
        method,
        headers: {
          ...(body ? { "content-type": "application/json" } : {}),
          ...(known ? { "if-match": known.headers.get("etag") } : {}),
          ...(method === "POST" ? { "idempotency-key": crypto.randomUUID() } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const text = await answer.text();
      if (!answer.ok) {
        throw new Error(`${answer.status} of ${method} ${path}: ${text}`);
      }
      return text ? JSON.parse(text) : null;
    },
    [method, path, body],
  );
}

/** A project with a repository and a key, made by the API. */
export async function hasProject(visitor, name = "Shop") {
  const { data } = await asks(visitor, "POST", "/projects", { name, repository: stage.repository });
  await asks(visitor, "PUT", `/projects/${data.slug}/provider-keys/anthropic`, {
    key: "sk-ant-api03-scripted-model",
  });
  return data.slug;
}

const LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";

/** A run whose every text is as long as texts get. */
export const LONG_WORDS = `${LONG}_${LONG.toLowerCase()}: ${"mend all of it and ".repeat(20)}
@@when role=designer iteration=1
@@say ${LONG.repeat(3)} and \`${LONG.toLowerCase().repeat(2)}\`
@@run echo ${LONG.repeat(5)}; mkdir -p src/${LONG.toLowerCase()}
@@write src/${LONG.toLowerCase()}/${LONG.toLowerCase()}.txt <<< ${LONG.repeat(6)}
@@say Done.
@@end
@@when role=checker iteration=1
@@write /home/user/.codecourier/verdict.json <<< {"verdict":"pass","feedback":"${LONG.repeat(2)}"}
@@say ${LONG}
@@end`;

/** A project whose name is as long as names get. */
export const LONG_NAME = LONG.slice(0, 78);

/** Starts a run by the API. */
export async function startsRun(visitor, slug, body) {
  return (await asks(visitor, "POST", `/projects/${slug}/runs`, body)).data.id;
}

/** Waits on the run's page until it has ended. */
export async function waitsForEnd({ page }, slug, run, status = "Completed") {
  await page.goto(`/p/${slug}/runs/${run}`);
  await page.getByRole("main").getByText(status).first().waitFor({ timeout: 120_000 });
}

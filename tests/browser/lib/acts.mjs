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
@@bash printf 'def greet(name: str):\\n    return f"hello {name}"  # everybody, up to 42\\n' > src/greet.py
@@say Now everybody is greeted.
@@end
@@when role=checker iteration=2
@@write /home/user/.codecourier/verdict.json <<< {"verdict":"pass"}
@@say Good.
@@end`;

/** A blue square, as a file that is chosen. */
export const PICTURE = {
  name: "sketch.png",
  mimeType: "image/png",
  buffer: Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR4nGOIyruDFTEMLQkA5qBpAQ4V3CYAAAAASUVORK5CYII=",
    "base64",
  ),
};

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

/** A file whose name and whose text are as long. */
export const LONG_FILE = `${LONG.toLowerCase()}.txt`;

/** The beginning of one that goes on. It writes `LONG_FILE`. */
export const LONG_WAIT = `${LONG}_${LONG.toLowerCase()}: wait for me
@@say ${LONG.repeat(3)}
@@write ${LONG_FILE} <<< ${LONG.repeat(6)}
@@bash echo ${LONG.repeat(5)}`;

/** A project whose name is as long as names get. */
export const LONG_NAME = LONG.slice(0, 78);

/** Comes to a fresh server as the first one there, and has a project. Gives the project's name in addresses. */
export async function settlesIn(visitor, name) {
  await visitor.page.goto("/");
  await makesFirstAccount(visitor);
  return hasProject(visitor, name);
}

/** Starts a run by the API. */
export async function startsRun(visitor, slug, body) {
  return (await asks(visitor, "POST", `/projects/${slug}/runs`, body)).data.id;
}

/** Waits on the run's page until it has ended. */
export async function waitsForEnd({ page }, slug, run, status = "Completed") {
  await page.goto(`/p/${slug}/runs/${run}`);
  await page.getByRole("main").getByText(status).first().waitFor({ timeout: 120_000 });
}

/** The sandbox of a run that is at work. */
export async function sandboxOf(visitor, slug, run) {
  const { data } = await asks(visitor, "GET", `/projects/${slug}/sandboxes`);
  return data.find(({ runId }) => runId === run).id;
}

/** Starts a run that works until it is stopped. Gives it, the sandbox that it works in, and how to stop it. */
export async function startsEndless(visitor, slug, prompt = "Wait for me.\n@@say I wait.") {
  const run = await startsRun(visitor, slug, { prompt: `${prompt}\n@@hang`, workflow: "single" });
  await waitsForEnd(visitor, slug, run, "Running");
  // Its agent has been told its task, so its sandbox is there.
  await visitor.page.getByText("Prompt", { exact: true }).first().waitFor();
  const sandbox = await sandboxOf(visitor, slug, run);
  const stop = async () => {
    await asks(visitor, "POST", `/projects/${slug}/runs/${run}/cancel`);
    await waitsForEnd(visitor, slug, run, "Cancelled");
  };
  return { run, sandbox, stop };
}

/** What a project has besides runs: a second workflow, people, keys, variables and checks. */
export async function furnishes(visitor, slug, word = "staging") {
  const at = `/projects/${slug}`;
  await asks(visitor, "PUT", `${at}/workflows/${word.toLowerCase().slice(0, 60)}`, {
    description: `Looks at it first, then mends it, for ${word}.`,
    pipeline: [
      { type: "step", role: "investigator", name: `look at ${word}` },
      {
        type: "loop",
        maxIterations: 4,
        nodes: [
          { type: "step", role: "designer" },
          { type: "step", role: "checker", instructions: "Be strict." },
        ],
      },
    ],
  });
  await asks(visitor, "POST", `${at}/invitations`, {
    email: `grace@${word.toLowerCase().slice(0, 60)}.example.org`,
    role: "admin",
  });
  await asks(visitor, "POST", `${at}/keys`, {
    name: `pipeline of ${word}`.slice(0, 80),
    permissions: ["runs:read", "runs:write"],
  });
  await asks(visitor, "POST", `${at}/variables`, {
    name: `DATABASE_URL_OF_${word.toUpperCase().replaceAll(/[^A-Z]/g, "")}`,
    value: `postgres://shop:${word}@db.example.org/shop`,
  });
  await asks(visitor, "POST", `${at}/variables`, {
    name: "MAIL_TOKEN",
    value: "a secret of hers",
    secret: true,
  });
  await asks(visitor, "PATCH", `${at}/settings`, {
    checks: [
      { name: "tests", command: "test -s src/greeting.txt" },
      { name: `spelling of ${word}`.slice(0, 64), command: "! grep -n teh -r src", required: false },
    ],
    setupScript: "echo ready",
  });
}

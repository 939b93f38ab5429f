// Every screen there is, by how one gets to it. A new screen is a new row: the stories then measure it and take its picture.

/** Screens that need nobody to be signed in. */
export const outside = [
  { name: "sign-in", path: () => "/sign-in", shows: (page) => page.getByRole("heading", { level: 1 }) },
  { name: "sign-up", path: () => "/sign-up", shows: (page) => page.getByRole("heading", { level: 1 }) },
];

const heading = (page) => page.getByRole("heading", { level: 1 }).first();
const opened = async (page, key) => {
  await heading(page).waitFor();
  await page.keyboard.press(key);
};

const settings = [
  "general",
  "agents",
  "prompts",
  "environment",
  "checks",
  "git",
  "provider-keys",
  "api-keys",
  "audit",
];

/** The rest. A place is `{ slug, run }`: a project, and a run in it when it has one. */
export const inside = [
  { name: "projects", path: () => "/projects", shows: heading },
  { name: "account", path: () => "/account", shows: heading },
  { name: "runs", path: ({ slug }) => `/p/${slug}/runs`, shows: heading },
  {
    name: "start-run",
    path: ({ slug }) => `/p/${slug}/runs`,
    act: (page) => opened(page, "n"),
    shows: (page) => page.getByRole("dialog"),
  },
  {
    name: "run",
    needsRun: true,
    path: ({ slug, run }) => `/p/${slug}/runs/${run}`,
    shows: (page) => page.getByRole("tabpanel").first(),
  },
  {
    name: "run-changes",
    needsRun: true,
    path: ({ slug, run }) => `/p/${slug}/runs/${run}?tab=diff`,
    shows: (page) => page.getByRole("tabpanel").first(),
  },
  {
    name: "run-raw",
    needsRun: true,
    path: ({ slug, run }) => `/p/${slug}/runs/${run}?tab=raw`,
    shows: (page) => page.getByRole("tabpanel").first(),
  },
  { name: "workflows", path: ({ slug }) => `/p/${slug}/workflows`, shows: heading },
  { name: "workflow", path: ({ slug }) => `/p/${slug}/workflows/designer-checker`, shows: heading },
  { name: "sandboxes", path: ({ slug }) => `/p/${slug}/sandboxes`, shows: heading },
  { name: "members", path: ({ slug }) => `/p/${slug}/members`, shows: heading },
  ...settings.map((section) => ({
    name: `settings-${section}`,
    path: ({ slug }) => `/p/${slug}/settings/${section}`,
    shows: heading,
  })),
  {
    name: "palette",
    path: ({ slug }) => `/p/${slug}/runs`,
    act: (page) => opened(page, "Control+k"),
    shows: (page) => page.getByRole("dialog"),
  },
  {
    name: "shortcuts",
    path: ({ slug }) => `/p/${slug}/runs`,
    act: (page) => opened(page, "?"),
    shows: (page) => page.getByRole("dialog"),
  },
  { name: "nowhere", path: () => "/nowhere", shows: heading },
];

/** Goes to a screen and waits until it shows what it has. */
export async function goTo(page, screen, place) {
  await page.goto(screen.path(place));
  await screen.act?.(page);
  await screen.shows(page).waitFor();
  // What is still being read shows as a skeleton.
  await page.waitForFunction(() => document.querySelector("[data-skeleton], .animate-pulse") === null);
}

// Every screen there is, by how one gets to it. A new screen is a new row: the stories then measure it and take its picture.

const heading = (page) => page.getByRole("heading", { level: 1 }).first();
const dialog = (page) => page.getByRole("dialog");
const panel = (page) => page.getByRole("tabpanel").first();
const opened = async (page, key) => {
  await heading(page).waitFor();
  await page.keyboard.press(key);
};

/** Screens that need nobody to be signed in. The token that a link of a mail carries is worth nothing until it is used. */
export const outside = [
  { name: "sign-in", path: () => "/sign-in", shows: heading },
  { name: "sign-up", path: () => "/sign-up", shows: heading },
  { name: "password-reset", path: () => "/password-reset", shows: heading },
  { name: "new-password", path: () => "/password-reset#token=of-a-mail", shows: heading },
  { name: "verify-email", path: () => "/verify-email#token=of-a-mail", shows: heading },
  { name: "magic-link", path: () => "/magic-link#token=of-a-mail", shows: heading },
  { name: "broken-link", path: () => "/magic-link", shows: heading },
];

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

/**
 * The rest. A place is `{ slug, run, sandbox, file }`: a project, a run in it, and a sandbox that is at work with a file in
 * it, if it has any.
 */
export const inside = [
  { name: "projects", path: () => "/projects", shows: heading },
  { name: "new-project", path: () => "/projects", act: (page) => opened(page, "c"), shows: dialog },
  { name: "account", path: () => "/account", shows: heading },
  {
    name: "invitation",
    path: () => "/invitations/inv_019300000000700080000000deadbeef#code=of-whoever-invites",
    shows: heading,
  },
  { name: "runs", path: ({ slug }) => `/p/${slug}/runs`, shows: heading },
  {
    name: "start-run",
    path: ({ slug }) => `/p/${slug}/runs`,
    act: (page) => opened(page, "n"),
    shows: dialog,
  },
  {
    name: "run",
    needsRun: true,
    path: ({ slug, run }) => `/p/${slug}/runs/${run}`,
    shows: panel,
  },
  {
    name: "run-changes",
    needsRun: true,
    path: ({ slug, run }) => `/p/${slug}/runs/${run}?tab=diff`,
    shows: panel,
  },
  {
    name: "run-raw",
    needsRun: true,
    path: ({ slug, run }) => `/p/${slug}/runs/${run}?tab=raw`,
    shows: panel,
  },
  { name: "workflows", path: ({ slug }) => `/p/${slug}/workflows`, shows: heading },
  { name: "workflow", path: ({ slug }) => `/p/${slug}/workflows/designer-checker`, shows: heading },
  {
    name: "new-workflow",
    path: ({ slug }) => `/p/${slug}/workflows`,
    act: (page) => opened(page, "c"),
    shows: dialog,
  },
  { name: "sandboxes", path: ({ slug }) => `/p/${slug}/sandboxes`, shows: heading },
  {
    name: "start-sandbox",
    path: ({ slug }) => `/p/${slug}/sandboxes`,
    act: (page) => opened(page, "c"),
    shows: dialog,
  },
  {
    name: "sandbox",
    needsSandbox: true,
    path: ({ slug, sandbox }) => `/p/${slug}/sandboxes/${sandbox}`,
    shows: heading,
  },
  {
    name: "sandbox-terminal",
    needsSandbox: true,
    path: ({ slug, sandbox }) => `/p/${slug}/sandboxes/${sandbox}?tab=terminal`,
    shows: panel,
  },
  {
    name: "sandbox-files",
    needsSandbox: true,
    path: ({ slug, sandbox }) => `/p/${slug}/sandboxes/${sandbox}?tab=files`,
    shows: panel,
  },
  {
    name: "sandbox-file",
    needsSandbox: true,
    path: ({ slug, sandbox, file = "README.md" }) =>
      `/p/${slug}/sandboxes/${sandbox}?tab=files&file=${encodeURIComponent(file)}`,
    shows: panel,
  },
  { name: "members", path: ({ slug }) => `/p/${slug}/members`, shows: heading },
  {
    name: "invite",
    path: ({ slug }) => `/p/${slug}/members`,
    act: (page) => opened(page, "c"),
    shows: dialog,
  },
  ...settings.map((section) => ({
    name: `settings-${section}`,
    path: ({ slug }) => `/p/${slug}/settings/${section}`,
    shows: heading,
  })),
  {
    name: "new-api-key",
    path: ({ slug }) => `/p/${slug}/settings/api-keys`,
    act: (page) => opened(page, "c"),
    shows: dialog,
  },
  {
    name: "palette",
    path: ({ slug }) => `/p/${slug}/runs`,
    act: (page) => opened(page, "Control+k"),
    shows: dialog,
  },
  {
    name: "shortcuts",
    path: ({ slug }) => `/p/${slug}/runs`,
    act: (page) => opened(page, "?"),
    shows: dialog,
  },
  { name: "nowhere", path: () => "/nowhere", shows: heading },
];

/** Goes to a screen and waits until it shows what it has. */
export async function goTo(page, screen, place) {
  await page.goto(screen.path(place));
  await screen.act?.(page);
  await screen.shows(page).waitFor();
  // What is still being read shows as a skeleton.
  await page.waitForFunction(() => document.querySelector("[data-skeleton]") === null);
}

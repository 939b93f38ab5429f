// Asks for what the page of an address needs while the first file is still on its way, which would find that out only
// then: what the server says of a project to those who were signed in last, and the files and the events of a run, whose
// page is opened from links in mails and messages. `src/api/ahead.ts` gives the answers to whoever asks next.
(() => {
  const [, slug, run] = /^\/p\/([^/]+)(?:\/runs\/([^/]+))?/.exec(location.pathname) ?? [];
  if (run) {
    for (const name of document.currentScript.dataset.run?.split(" ") ?? []) {
      const link = document.createElement("link");
      link.rel = "modulepreload";
      link.href = `/${name}`;
      document.head.append(link);
    }
  }
  if (!slug || localStorage.getItem("codecourier.signed-in") !== "yes") {
    return;
  }
  const project = `/api/v1/projects/${slug}`;
  const paths = ["/api/v1/account", "/api/v1/server", "/api/v1/projects?limit=100", project];
  if (run) {
    paths.push(
      `${project}/runs/${run}`,
      `${project}/runs/${run}/events?before=${Number.MAX_SAFE_INTEGER}&limit=500`,
    );
  }
  const answers = paths.map((path) => [path, fetch(path, { credentials: "same-origin" })]);
  for (const [, answer] of answers) {
    // Whoever takes it hears of it, and nobody else needs to.
    answer.catch(() => {});
  }
  window.codecourierAhead = new Map(answers);
})();

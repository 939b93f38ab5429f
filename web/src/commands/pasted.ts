/** The run that a pasted text names, by its address or by its identifier in the project that is open. */
export function pastedRun(text: string, slug: string | undefined): { slug: string; run: string } | undefined {
  const run = /\brun_[0-9a-f]{32}\b/.exec(text)?.[0];
  const place = /\/p\/([a-z0-9-]+)\/runs\//.exec(text)?.[1] ?? slug;
  return run && place ? { slug: place, run } : undefined;
}

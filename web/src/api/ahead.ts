// Answers of the server that `public/ahead.js` has asked for before the first file was here.

declare global {
  interface Window {
    /** By path and query. */
    codecourierAhead?: Map<string, Promise<Response>>;
  }
}

/** In milliseconds from the beginning of the page: an older answer may be another one by now. */
const GOOD_FOR = 30_000;
const KEPT = "codecourier.signed-in";

/** What was asked ahead, to the first who asks for the same. */
export function takeAhead({ method, url }: Pick<Request, "method" | "url">): Promise<Response> | undefined {
  const answers = globalThis.window?.codecourierAhead;
  if (!answers) {
    return undefined;
  }
  // What is done, such as signing in, makes another answer of it.
  if (method !== "GET" || performance.now() > GOOD_FOR) {
    answers.clear();
  }
  const { pathname, search } = new URL(url);
  const answer = answers.get(pathname + search);
  answers.delete(pathname + search);
  return answer;
}

/** Remembers whether somebody is signed in: strangers are asked for nothing ahead that they may not see. */
export function rememberSignedIn(signedIn: boolean): void {
  if (signedIn) {
    localStorage.setItem(KEPT, "yes");
  } else {
    localStorage.removeItem(KEPT);
  }
}

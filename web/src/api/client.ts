// The one way to the server. Everything the interface knows comes through here or through `live/`.
import createClient from "openapi-fetch";
import { takeAhead } from "./ahead";
import type { components, paths } from "./schema";

/** The shapes of the API, by name. */
export type Schemas = components["schemas"];

export const api = createClient<paths>({
  baseUrl: typeof location === "undefined" ? "http://localhost" : location.origin,
  credentials: "same-origin",
  fetch: (request) => takeAhead(request) ?? fetch(request),
});

/** An answer that is no success, or none at all. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  /** The field of the request that cannot be taken, when one can be named. */
  readonly field: string | null;
  /** Finds the request in the server's log. Empty when no server has answered. */
  readonly requestId: string;

  constructor(problem: {
    code: string;
    message: string;
    status: number;
    field?: string | null;
    requestId?: string;
  }) {
    super(problem.message);
    this.name = "ApiError";
    this.code = problem.code;
    this.status = problem.status;
    this.field = problem.field ?? null;
    this.requestId = problem.requestId ?? "";
  }
}

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The body of a success; anything else is thrown as an {@link ApiError}. */
export async function body<T>(request: Promise<Answer<T>>): Promise<T> {
  const answer = await answered(request);
  if (answer.data === undefined) {
    throw problem(answer.error, answer.response);
  }
  return answer.data;
}

/** A success that is a file: its text, or `null` if it is none, with the headers that describe it. */
export async function file(
  request: Promise<Answer<unknown>>,
): Promise<{ text: string | null; headers: Headers }> {
  const answer = await answered(request);
  if (!answer.response.ok) {
    throw problem(answer.error, answer.response);
  }
  const { headers } = answer.response;
  const isText = headers.get("content-type")?.startsWith("text/") === true;
  return { text: isText ? String(answer.data ?? "") : null, headers };
}

/** The same for answers without a body. */
export async function done(request: Promise<Answer<unknown>>): Promise<void> {
  const answer = await answered(request);
  if (!answer.response.ok) {
    throw problem(answer.error, answer.response);
  }
}

/** The `data` of a success. */
export async function data<T>(request: Promise<Answer<{ data: T }>>): Promise<T> {
  return (await body(request)).data;
}

async function answered<T>(request: Promise<Answer<T>>): Promise<Answer<T>> {
  try {
    return await request;
  } catch (cause) {
    throw cause instanceof ApiError
      ? cause
      : new ApiError({ code: "UNREACHABLE", message: "The server does not answer.", status: 0 });
  }
}

/** The error that an answer says. */
export function problem(
  error: unknown,
  response: Pick<Response, "headers" | "status" | "statusText">,
): ApiError {
  const requestId = response.headers.get("x-request-id") ?? "";
  const said = (error as { error?: Partial<Schemas["ErrorObject"]> } | undefined)?.error;
  return new ApiError({
    code: said?.code ?? "INTERNAL",
    message: said?.message ?? response.statusText,
    status: response.status,
    field: said?.field ?? null,
    requestId: said?.requestId ?? requestId,
  });
}

/** Whether it is this kind of error. */
export function isApiError(error: unknown, code?: string): error is ApiError {
  return error instanceof ApiError && (code === undefined || error.code === code);
}

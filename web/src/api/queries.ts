// What is read from the server, each with the key it is kept under. A key begins with the word for the resource, then
// its project: `live/apply-change.ts` patches and refreshes by them.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { rememberSignedIn } from "./ahead";
import { api, body, data, file, isApiError, type Schemas } from "./client";

export type RunFilter = {
  status?: Schemas["RunStatus"];
  workflow?: string;
  text?: string;
  sort?: "oldest";
};

type Page<T> = { data: T[]; hasMore: boolean; nextCursor: string | null };

/** All pages of a list, for what is sorted, searched or chosen from here: there a part of it would be wrong. */
async function whole<T>(read: (query: { limit: number; cursor?: string }) => Promise<Page<T>>): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | null | undefined;
  do {
    const page = await read({ limit: 100, ...(cursor ? { cursor } : {}) });
    all.push(...page.data);
    cursor = page.hasMore ? page.nextCursor : undefined;
  } while (cursor);
  return all;
}

export const serverQuery = queryOptions({
  queryKey: ["server"],
  queryFn: () => data(api.GET("/api/v1/server")),
  staleTime: Number.POSITIVE_INFINITY,
});

/** Who is signed in; `null` for nobody. */
export const accountQuery = queryOptions({
  queryKey: ["account"],
  queryFn: async () => {
    try {
      const account = await data(api.GET("/api/v1/account"));
      rememberSignedIn(true);
      return account;
    } catch (error) {
      if (isApiError(error, "AUTH_MISSING") || isApiError(error, "AUTH_INVALID")) {
        rememberSignedIn(false);
        return null;
      }
      throw error;
    }
  },
  staleTime: Number.POSITIVE_INFINITY,
});

export const projectsQuery = queryOptions({
  queryKey: ["projects"],
  queryFn: () => whole((query) => body(api.GET("/api/v1/projects", { params: { query } }))),
});

export const ownInvitationsQuery = queryOptions({
  queryKey: ["own-invitations"],
  queryFn: async () => (await body(api.GET("/api/v1/account/invitations"))).data,
});

export const projectQuery = (slug: string) =>
  queryOptions({
    queryKey: ["project", slug],
    queryFn: () => data(api.GET("/api/v1/projects/{slug}", { params: { path: { slug } } })),
  });

/** A project as somebody begins to edit it, with the tag that says which version they saw. */
export const projectDocumentQuery = (slug: string) =>
  queryOptions({
    queryKey: ["project", slug, "document"],
    queryFn: async () => {
      const answer = await api.GET("/api/v1/projects/{slug}", { params: { path: { slug } } });
      const { data: project } = await body(Promise.resolve(answer));
      return { project, tag: answer.response.headers.get("etag") ?? "" };
    },
  });

/** The settings as somebody begins to edit them, with the tag that says which version they saw. */
export const settingsQuery = (slug: string) =>
  queryOptions({
    queryKey: ["settings", slug],
    queryFn: async () => {
      const answer = await api.GET("/api/v1/projects/{slug}/settings", { params: { path: { slug } } });
      const { data: settings } = await body(Promise.resolve(answer));
      return { settings, tag: answer.response.headers.get("etag") ?? "" };
    },
  });

export const variablesQuery = (slug: string) =>
  queryOptions({
    queryKey: ["variables", slug],
    queryFn: async () =>
      (await body(api.GET("/api/v1/projects/{slug}/variables", { params: { path: { slug } } }))).data,
  });

export const apiKeysQuery = (slug: string) =>
  infiniteQueryOptions({
    queryKey: ["keys", slug],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      body(
        api.GET("/api/v1/projects/{slug}/keys", {
          params: { path: { slug }, query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } },
        }),
      ),
    getNextPageParam: (page) => (page.hasMore ? (page.nextCursor ?? undefined) : undefined),
  });

export type AuditFilter = { actor?: string; action?: string; from?: string; until?: string };

export const auditQuery = (slug: string, filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ["audit", slug, filter],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      body(
        api.GET("/api/v1/projects/{slug}/audit", {
          params: {
            path: { slug },
            query: { limit: 50, ...filter, ...(pageParam ? { cursor: pageParam } : {}) },
          },
        }),
      ),
    getNextPageParam: (page) => (page.hasMore ? (page.nextCursor ?? undefined) : undefined),
    staleTime: 0,
  });

export const providerKeysQuery = (slug: string) =>
  queryOptions({
    queryKey: ["provider-keys", slug],
    queryFn: async () =>
      (await body(api.GET("/api/v1/projects/{slug}/provider-keys", { params: { path: { slug } } }))).data,
  });

export const membersQuery = (slug: string) =>
  queryOptions({
    queryKey: ["members", slug],
    queryFn: () =>
      whole((query) =>
        body(api.GET("/api/v1/projects/{slug}/members", { params: { path: { slug }, query } })),
      ),
  });

export const invitationsQuery = (slug: string) =>
  queryOptions({
    queryKey: ["invitations", slug],
    queryFn: () =>
      whole((query) =>
        body(api.GET("/api/v1/projects/{slug}/invitations", { params: { path: { slug }, query } })),
      ),
  });

export const workflowsQuery = (slug: string) =>
  queryOptions({
    queryKey: ["workflows", slug],
    queryFn: () =>
      whole((query) =>
        body(api.GET("/api/v1/projects/{slug}/workflows", { params: { path: { slug }, query } })),
      ),
  });

/** A workflow as somebody begins to edit it, with the tag that says which version they saw. */
export const workflowQuery = (slug: string, name: string) =>
  queryOptions({
    queryKey: ["workflows", slug, name],
    queryFn: async () => {
      const answer = await api.GET("/api/v1/projects/{slug}/workflows/{name}", {
        params: { path: { slug, name } },
      });
      const { data: workflow } = await body(Promise.resolve(answer));
      return { workflow, tag: answer.response.headers.get("etag") ?? "" };
    },
  });

export const runsQuery = (slug: string, filter: RunFilter) =>
  infiniteQueryOptions({
    queryKey: ["runs", slug, filter],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      body(
        api.GET("/api/v1/projects/{slug}/runs", {
          params: {
            path: { slug },
            query: { limit: 50, ...filter, ...(pageParam ? { cursor: pageParam } : {}) },
          },
        }),
      ),
    getNextPageParam: (page) => (page.hasMore ? (page.nextCursor ?? undefined) : undefined),
  });

/** The agents as the next run of a project will find them. */
export const agentsQuery = (slug: string) =>
  queryOptions({
    queryKey: ["agents", slug],
    queryFn: () => data(api.GET("/api/v1/projects/{slug}/agents", { params: { path: { slug } } })),
    staleTime: 60_000,
  });

/** The newest of a workflow that ended well: what the next will be like. */
export const pastRunsQuery = (slug: string, workflow: string) =>
  queryOptions({
    queryKey: ["past-runs", slug, workflow],
    queryFn: async () =>
      (
        await body(
          api.GET("/api/v1/projects/{slug}/runs", {
            params: { path: { slug }, query: { limit: 25, status: "completed", workflow } },
          }),
        )
      ).data,
    staleTime: 60_000,
  });

export const runQuery = (slug: string, run: string) =>
  queryOptions({
    queryKey: ["run", slug, run],
    queryFn: () => data(api.GET("/api/v1/projects/{slug}/runs/{run}", { params: { path: { slug, run } } })),
  });

/** The change of a run so far, or of one of its steps; `at` is the commit that it ends at, which makes it another one. */
export const runDiffQuery = (slug: string, run: string, step: string | undefined, at: string | null) =>
  queryOptions({
    queryKey: ["run-diff", slug, run, step ?? "", at],
    queryFn: () =>
      data(
        api.GET("/api/v1/projects/{slug}/runs/{run}/diff", {
          params: { path: { slug, run }, query: step ? { step } : {} },
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
  });

/** One file of it, whole: the text of all is cut at some length. */
export const fileDiffQuery = (
  slug: string,
  run: string,
  step: string | undefined,
  at: string | null,
  path: string,
) =>
  queryOptions({
    queryKey: ["run-diff", slug, run, step ?? "", at, path],
    queryFn: () =>
      data(
        api.GET("/api/v1/projects/{slug}/runs/{run}/diff", {
          params: { path: { slug, run }, query: { path, ...(step ? { step } : {}) } },
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
  });

export const runCountsQuery = (slug: string) =>
  queryOptions({
    queryKey: ["run-counts", slug],
    queryFn: () => data(api.GET("/api/v1/projects/{slug}/run-counts", { params: { path: { slug } } })),
  });

export const branchesQuery = (slug: string, text: string) =>
  queryOptions({
    queryKey: ["branches", slug, text],
    queryFn: () =>
      data(
        api.GET("/api/v1/projects/{slug}/branches", {
          params: { path: { slug }, query: text ? { text } : {} },
        }),
      ),
    staleTime: 60_000,
  });

export const sandboxesQuery = (slug: string) =>
  queryOptions({
    queryKey: ["sandboxes", slug],
    queryFn: () =>
      whole((query) =>
        body(api.GET("/api/v1/projects/{slug}/sandboxes", { params: { path: { slug }, query } })),
      ),
  });

export const sandboxQuery = (slug: string, sandbox: string) =>
  queryOptions({
    queryKey: ["sandboxes", slug, sandbox],
    queryFn: () =>
      data(api.GET("/api/v1/projects/{slug}/sandboxes/{sandbox}", { params: { path: { slug, sandbox } } })),
  });

/** A folder of the repository in a sandbox; the empty one is the repository. */
export const sandboxFilesQuery = (slug: string, sandbox: string, path: string) =>
  infiniteQueryOptions({
    queryKey: ["sandbox-files", slug, sandbox, "folder", path],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      body(
        api.GET("/api/v1/projects/{slug}/sandboxes/{sandbox}/files", {
          params: {
            path: { slug, sandbox },
            query: { limit: 100, ...(path ? { path } : {}), ...(pageParam ? { cursor: pageParam } : {}) },
          },
        }),
      ),
    getNextPageParam: (page) => (page.hasMore ? (page.nextCursor ?? undefined) : undefined),
    staleTime: 0,
    retry: false,
  });

/** The beginning of a file in a sandbox. */
export const sandboxFileQuery = (slug: string, sandbox: string, path: string) =>
  queryOptions({
    queryKey: ["sandbox-files", slug, sandbox, "file", path],
    queryFn: async () => {
      const { text, headers } = await file(
        api.GET("/api/v1/projects/{slug}/sandboxes/{sandbox}/files/content", {
          params: { path: { slug, sandbox }, query: { path } },
          parseAs: "text",
        }),
      );
      return {
        text,
        size: Number(headers.get("codecourier-file-size")),
        modifiedAt: headers.get("codecourier-file-modified"),
        extent: headers.get("codecourier-file-extent") === "whole" ? "whole" : "beginning",
      };
    },
    staleTime: 0,
    retry: false,
  });

export const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: async () => (await body(api.GET("/api/v1/account/sessions"))).data,
});

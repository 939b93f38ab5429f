// The pictures of runs: sending one up, and where one is.
import { ApiError, problem, type Schemas } from "./client";

/** Where a picture of a project is. */
export function pictureAddress(slug: string, image: string): string {
  return `/api/v1/projects/${encodeURIComponent(slug)}/images/${image}`;
}

type UploadOptions = {
  /** Told how much of it has gone, from 0 to 1. */
  onProgress: (part: number) => void;
  signal: AbortSignal;
};

/** Sends a picture up. `fetch` cannot tell how far it is, so this asks the older way. */
export function uploadPicture(
  slug: string,
  file: File,
  { onProgress, signal }: UploadOptions,
): Promise<Schemas["RunImage"]> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const headers = {
      get: (name: string) => request.getResponseHeader(name),
    } as Headers;
    const unreachable = () =>
      reject(new ApiError({ code: "UNREACHABLE", message: "The server does not answer.", status: 0 }));
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    request.onerror = unreachable;
    request.ontimeout = unreachable;
    request.onabort = () => reject(signal.reason);
    request.onload = () => {
      const { status, statusText } = request;
      const said = parsed(request.responseText);
      if (status === 201) {
        resolve((said as { data: Schemas["RunImage"] }).data);
      } else {
        reject(problem(said, { headers, status, statusText }));
      }
    };
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.open("POST", `/api/v1/projects/${encodeURIComponent(slug)}/images`);
    request.setRequestHeader("Content-Type", file.type);
    request.send(file);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

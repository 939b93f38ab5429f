import { act, renderHook } from "@testing-library/react";
import { beforeEach, expect, test, vi } from "vitest";
import { ApiError, type Schemas } from "@/api/client";
import { uploadPicture } from "@/api/pictures";
import { usePictures } from "./use-pictures";

vi.mock("@/api/pictures");

type Upload = {
  file: File;
  onProgress: (part: number) => void;
  signal: AbortSignal;
  there: (image: string) => void;
  failed: (error: unknown) => void;
};
let uploads: Upload[] = [];

beforeEach(() => {
  sessionStorage.clear();
  uploads = [];
  vi.mocked(uploadPicture).mockImplementation(
    (_, file, { onProgress, signal }) =>
      new Promise((resolve, reject) => {
        uploads.push({
          file,
          onProgress,
          signal,
          there: (image) => resolve({ image, mediaType: file.type, size: file.size } as Schemas["RunImage"]),
          failed: reject,
        });
      }),
  );
});

const png = (name: string) => new File([name], name, { type: "image/png" });
const giving = () => renderHook(() => usePictures("shop", { draft: "draft" }));

test("a picture is sent as soon as it is given, and a reload loses nothing of it", async () => {
  const { result } = giving();
  act(() => result.current.add([png("one.png")]));
  expect(result.current.ready).toBe(false);
  act(() => uploads[0]?.onProgress(0.5));
  expect(result.current.list).toMatchObject([{ name: "one.png", state: "sending", part: 0.5 }]);
  await act(async () => uploads[0]?.there("aa"));
  expect(result.current).toMatchObject({ ready: true, sending: false, images: ["aa"] });

  const { result: reloaded } = giving();
  expect(reloaded.current).toMatchObject({ ready: true, images: ["aa"] });
  expect(reloaded.current.list).toMatchObject([{ name: "one.png", state: "there" }]);
  act(() => reloaded.current.remove(reloaded.current.list[0]?.key ?? ""));
  expect(giving().result.current.list).toEqual([]);
});

test("what cannot be a picture is not sent, and is no part of the draft", () => {
  const { result } = giving();
  act(() => result.current.add([new File(["x"], "notes.txt", { type: "text/plain" })]));
  expect(uploads).toEqual([]);
  expect(result.current).toMatchObject({ ready: false, images: [], list: [{ refusal: "type" }] });
  expect(giving().result.current.list).toEqual([]);
});

test("what the server refuses stays until it is removed", async () => {
  const { result } = giving();
  act(() => result.current.add([png("fake.png")]));
  const error = new ApiError({ code: "VALIDATION", message: "This is none.", status: 400 });
  await act(async () => uploads[0]?.failed(error));
  expect(result.current).toMatchObject({ ready: false, sending: false, list: [{ state: "failed", error }] });
  act(() => result.current.remove(result.current.list[0]?.key ?? ""));
  expect(result.current.ready).toBe(true);
});

test("a picture that is removed on its way is not sent further", async () => {
  const { result } = giving();
  act(() => result.current.add([png("one.png")]));
  act(() => result.current.remove(result.current.list[0]?.key ?? ""));
  expect(uploads[0]?.signal.aborted).toBe(true);
  await act(async () => uploads[0]?.failed(new Error("aborted")));
  expect(result.current.list).toEqual([]);
});

test("the same picture twice is one", async () => {
  const { result } = giving();
  act(() => result.current.add([png("one.png"), png("copy.png")]));
  await act(async () => uploads[0]?.there("aa"));
  await act(async () => uploads[1]?.there("aa"));
  expect(result.current.list).toMatchObject([{ name: "one.png" }]);
});

test("what a run had before can go, and nothing of it is kept", () => {
  const images = ["aa", "bb"].map((image) => ({ image, mediaType: "image/png", size: 1 }));
  const { result } = renderHook(() => usePictures("shop", { first: images }));
  expect(result.current).toMatchObject({ ready: true, images: ["aa", "bb"], list: [{ name: "1.png" }, {}] });
  act(() => result.current.remove("aa"));
  expect(result.current.images).toEqual(["bb"]);
  expect(sessionStorage).toHaveLength(0);
});

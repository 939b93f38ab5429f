import { expect, test } from "vitest";
import { deviceOf } from "./device";

test("browsers are told apart, though each claims to be several", () => {
  const of = (rest: string) => deviceOf(`Mozilla/5.0 ${rest}`);
  const webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
  expect(of(`(X11; Linux x86_64) ${webkit} Chrome/140.0.0.0 Safari/537.36`)).toEqual({
    browser: "Chrome",
    system: "Linux",
  });
  expect(of(`(Windows NT 10.0; Win64; x64) ${webkit} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0`)).toEqual({
    browser: "Edge",
    system: "Windows",
  });
  expect(of("(Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0")).toEqual({
    browser: "Firefox",
    system: "macOS",
  });
  expect(
    of(
      "(iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1",
    ),
  ).toEqual({ browser: "Safari", system: "iPhone" });
  expect(of(`(Linux; Android 15) ${webkit} Chrome/140.0.0.0 Mobile Safari/537.36`)).toEqual({
    browser: "Chrome",
    system: "Android",
  });
});

test("a program is left what it calls itself", () => {
  expect(deviceOf("codecourier/0.1.0")).toBeUndefined();
  expect(deviceOf("curl/8.0 on Linux")).toBeUndefined();
});

// Finds keywords, strings and the like in a text, beside the page: what is read comes from agents and may be anything, so a
// text that takes long keeps nobody waiting.
import highlighter from "highlight.js/lib/common";
import docker from "highlight.js/lib/languages/dockerfile";
import protobuf from "highlight.js/lib/languages/protobuf";
import { linesOf, type Packed, packed } from "./highlight-kinds";

export type Asked = { id: number; language: string; text: string };
/** Nothing when the language is not known. */
export type Found = { id: number; lines: Packed | undefined };

highlighter.registerLanguage("dockerfile", docker);
highlighter.registerLanguage("protobuf", protobuf);

addEventListener("message", ({ data }: MessageEvent<Asked>) => {
  const { id, language, text } = data;
  const lines = highlighter.getLanguage(language)
    ? packed(linesOf(highlighter.highlight(text, { language, ignoreIllegals: true }).value))
    : undefined;
  postMessage({ id, lines } satisfies Found, { transfer: lines ? [lines.buffer] : [] });
});

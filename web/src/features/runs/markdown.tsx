import { gfmFromMarkdown } from "mdast-util-gfm";
import { gfm } from "micromark-extension-gfm";
import { memo } from "react";
import ReactMarkdown from "react-markdown";

/** Markdown of an agent. It is input that nobody vouches for: no HTML, no picture from elsewhere, links open apart. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return (
    <div className="wrap-anywhere grid max-w-[90ch] grid-cols-1 gap-2 leading-[1.375rem] [&_a]:text-primary [&_a]:underline [&_code]:rounded-sm [&_code]:bg-muted [&_code]:px-1 [&_code]:font-mono [&_code]:text-xs [&_h1]:font-semibold [&_h2]:font-semibold [&_h3]:font-semibold [&_ol]:list-decimal [&_ol]:pl-5 [&_pre]:overflow-x-auto [&_pre]:rounded-md [&_pre]:bg-muted [&_pre]:p-2 [&_pre_code]:p-0 [&_table]:block [&_table]:overflow-x-auto [&_td]:border [&_td]:px-2 [&_th]:border [&_th]:px-2 [&_ul]:list-disc [&_ul]:pl-5">
      <ReactMarkdown
        remarkPlugins={[readsGitHub]}
        disallowedElements={["img"]}
        unwrapDisallowed
        components={{
          // The page has one heading of its own; those of an agent are paragraphs that look like headings.
          h1: ({ children }) => <p className="font-semibold text-[0.9375rem]">{children}</p>,
          h2: ({ children }) => <p className="font-semibold">{children}</p>,
          h3: ({ children }) => <p className="font-semibold">{children}</p>,
          a: ({ href, children }) => (
            <a href={href} target="_blank" rel="noreferrer noopener">
              {children}
            </a>
          ),
        }}
      >
        {text}
      </ReactMarkdown>
    </div>
  );
});

/**
 * Tables, task lists, struck words and bare addresses, as GitHub reads them. What `remark-gfm` does, but for writing
 * markdown, which nobody does here and which is a tenth of what a run's page loads beyond the first page.
 */
function readsGitHub(this: { data: () => object }) {
  const data: { micromarkExtensions?: unknown[]; fromMarkdownExtensions?: unknown[] } = this.data();
  data.micromarkExtensions = [...(data.micromarkExtensions ?? []), gfm()];
  data.fromMarkdownExtensions = [...(data.fromMarkdownExtensions ?? []), gfmFromMarkdown()];
}

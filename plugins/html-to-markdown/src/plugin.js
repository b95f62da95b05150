//! A tool that makes Markdown of HTML. A real parser reads the page, so a `>` in an attribute or an open end is no trouble.

import { Failure, tool } from "#cleargate";
import { address } from "./address.js";
import { blocks } from "./blocks.js";
import { attribute, find, parsed, text } from "./page.js";

/** Letters of a page. Prose takes 10,000 units of fuel a letter and dense markup 25,000; so many fit into the plugin's. */
const MAX_HTML = 131_072;

/** What relative links can be read against. */
const WEB = /^https?:\/\/[^/?#\s]+/i;

export default tool({
  name: "convert",
  description: "Makes Markdown of an HTML page or of a part of one. Scripts, styles, forms and what is hidden are left out.",
  readOnly: true,
  idempotent: true,
  input: {
    type: "object",
    properties: {
      html: { type: "string", maxLength: MAX_HTML, description: "A page, or a part of one." },
      base: { type: "string", maxLength: 2000, description: "The address of the page, for its relative links; `<base>` in it counts too." },
      links: { enum: ["keep", "text"], description: "`text` keeps what links say, without where they lead; `keep` when absent." },
      images: { enum: ["keep", "alt", "drop"], description: "`alt` keeps what images say; `keep` when absent." },
      main: { type: "boolean", description: "Takes only `<main>`, or the one `<article>`, when the page has it." },
    },
    required: ["html"],
    additionalProperties: false,
  },
  output: {
    type: "object",
    properties: {
      markdown: { type: "string" },
      title: { type: ["string", "null"], description: "What the page calls itself." },
      language: { type: ["string", "null"], description: "The language that the page says it has." },
      hidden: { type: "integer", minimum: 0, description: "Elements that were left out because nobody sees them." },
    },
    required: ["markdown", "title", "language", "hidden"],
    additionalProperties: false,
  },
  run({ html, base, links = "keep", images = "keep", main = false }) {
    if (base !== undefined && !WEB.test(base)) {
      throw new Failure("invalid_input", `/base: \`${base}\` is no address; write one that begins with https:// or http://`);
    }
    const page = parsed(html);
    const said = attribute(find(page, ["base"])[0], "href");
    const stated = said === undefined ? undefined : address(said, base);
    const how = { base: WEB.test(stated ?? "") ? stated : base, links, images, hidden: 0 };
    const markdown = blocks((main && mainPart(page)) || page, how).join("\n\n");
    const title = text(find(page, ["title"])[0]);
    return {
      markdown: markdown === "" ? "" : `${markdown}\n`,
      title: title === "" ? null : title,
      language: attribute(find(page, ["html"])[0], "lang") ?? null,
      hidden: how.hidden,
    };
  },
});

/** The part of a page that is not around it; nothing when that is not plain. */
function mainPart(page) {
  const [main] = find(page, ["main"]);
  if (main !== undefined) return main;
  const articles = find(page, ["article"]);
  return articles.length === 1 ? articles[0] : undefined;
}

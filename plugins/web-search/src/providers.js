//! How each provider is asked and what it answers, by its public documentation.
//!
//! A provider is `{ name, request(wish, settings), read(body), refusal(body) }`. `read` gives results as they came; what
//! a provider does not promise may be missing in an answer, and then it is missing in a result.

import * as clock from "#cleargate/clock";
import * as secret from "#cleargate/secret";

/** How careful a search is, from the least. */
export const SAFE = ["off", "moderate", "strict"];
/** The key of the provider. */
const KEY = "WEB_SEARCH_KEY";
/** Days of each freshness, for a provider that wants a date. */
const DAYS = { day: 1, week: 7, month: 30, year: 365 };
const DAY_MS = 86_400_000;

/** The objects of a list, whatever is there. */
const list = (value) => (Array.isArray(value) ? value.filter((item) => typeof item === "object" && item !== null) : []);
const texts = (value) => value.filter((item) => typeof item === "string");

/** A query of what is defined. */
const asked = (url, fields) => {
  const pairs = Object.entries(fields).filter(([, value]) => value !== undefined);
  return `${url}?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`;
};

const posted = (url, headers, fields) => ({
  url,
  method: "POST",
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(fields), // leaves out what is not defined
});

/** https://api-dashboard.search.brave.com/app/documentation/web-search */
const brave = {
  name: "Brave Search",
  request: ({ query, count, freshness, language, safe }) => ({
    url: asked("https://api.search.brave.com/res/v1/web/search", {
      q: query,
      count,
      safesearch: safe,
      freshness: freshness && `p${freshness[0]}`,
      search_lang: language,
      text_decorations: false,
      result_filter: "web",
    }),
    headers: { "x-subscription-token": secret.placeholder(KEY) },
  }),
  read: ({ web }) =>
    list(web?.results).map((page) => ({ title: page.title, url: page.url, snippet: page.description, date: page.page_age })),
  refusal: ({ error }) => ({ code: error?.code, message: error?.detail }),
};

/** https://docs.tavily.com/documentation/api-reference/endpoint/search */
const tavily = {
  name: "Tavily",
  request: ({ query, count, freshness, language, safe }) => ({
    ...posted(
      "https://api.tavily.com/search",
      { authorization: `Bearer ${secret.placeholder(KEY)}` },
      // Only some plans may ask for a safe search, so it is asked for only when it has to be.
      { query, max_results: count, time_range: freshness, safe_search: safe === "strict" ? true : undefined },
    ),
    ignored: [...(language === undefined ? [] : ["language"]), ...(safe === "moderate" ? ["safe"] : [])],
  }),
  read: (body) =>
    list(body.results).map((page) => ({ title: page.title, url: page.url, snippet: page.content, date: page.published_date })),
  refusal: ({ detail }) => ({ message: detail?.error }),
};

/** https://help.kagi.com/kagi/api/search.html */
const kagi = {
  name: "Kagi",
  request: ({ query, count, freshness, language, safe }) => ({
    ...posted(
      "https://kagi.com/api/v1/search",
      { authorization: `Bearer ${secret.placeholder(KEY)}` },
      {
        query,
        workflow: "search",
        limit: count,
        safe_search: safe !== "off",
        filters: freshness && { after: new Date(clock.now() - DAYS[freshness] * DAY_MS).toISOString().slice(0, 10) },
      },
    ),
    ignored: language === undefined ? [] : ["language"],
  }),
  read: ({ data }) =>
    list(data?.search).map((page) => ({ title: page.title, url: page.url, snippet: page.snippet, date: page.time })),
  refusal: ({ error }) => ({ code: list(error)[0]?.code, message: list(error)[0]?.msg ?? list(error)[0]?.message }),
};

/** https://docs.searxng.org/dev/search_api.html */
const searxng = {
  name: "SearXNG",
  ownHost: true,
  request: ({ query, freshness, language, safe }, { base }) => ({
    url: asked(`${base}/search`, {
      q: query,
      format: "json",
      safesearch: SAFE.indexOf(safe),
      time_range: freshness,
      language,
    }),
  }),
  read: (body) =>
    list(body.results).map((page) => ({ title: page.title, url: page.url, snippet: page.content, date: page.publishedDate })),
  refusal: () => ({}),
  /** Engines that did not answer, with why; results without any of them are no "nothing found". */
  silent: (body) => list(body.unresponsive_engines).map((engine) => texts(Object.values(engine)).slice(0, 2).join(": ")),
  /** A status that this provider uses in its own way. */
  means: { 403: "it gives no JSON: its `settings.yml` names the formats under `search`" },
};

export const PROVIDERS = { brave, tavily, kagi, searxng };

// Slack's mrkdwn to DOM nodes. Text only ever becomes text nodes.

import { h } from "./dom.js";
import { emoji } from "./emoji.js";

/** Who and what mentions may name; the page fills it in. */
export const names = { user: () => null, channel: () => null, group: () => null };

const INLINE = [
  { open: "*", tag: "strong" },
  { open: "_", tag: "em" },
  { open: "~", tag: "s" },
];
const WORD = /[\p{L}\p{N}]/u;

/** `&lt;`, `&gt;` and `&amp;` to what they stand for. */
export function unescape(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** A whole mrkdwn text as nodes: fences, quotes and lines. */
export function mrkdwn(text) {
  const nodes = [];
  const parts = text.split("```");
  parts.forEach((part, index) => {
    if (index % 2 === 1 && index < parts.length - 1) {
      nodes.push(h("pre", {}, unescape(part.replace(/^\n/, "").replace(/\n$/, ""))));
      return;
    }
    let plain = index % 2 === 1 ? "```" + part : part;
    if (index > 0) plain = plain.replace(/^\n/, "");
    if (index < parts.length - 1) plain = plain.replace(/\n$/, "");
    if (plain) nodes.push(...quotesAndLines(plain));
  });
  return nodes;
}

function quotesAndLines(text) {
  const nodes = [];
  let quoted = [];
  let plain = [];
  const flush = () => {
    if (quoted.length) nodes.push(h("blockquote", {}, inline(quoted.join("\n"))));
    if (plain.length) nodes.push(...inline(plain.join("\n")));
    quoted = [];
    plain = [];
  };
  for (const line of text.split("\n")) {
    const quote = /^(?:&gt;|>) ?(.*)$/s.exec(line);
    if (quote ? plain.length : quoted.length) flush();
    if (quote) quoted.push(quote[1]);
    else plain.push(line);
  }
  flush();
  return nodes;
}

/** One run of mrkdwn without fences and quotes. */
export function inline(text) {
  const nodes = [];
  let plain = "";
  const flush = () => { if (plain) nodes.push(unescape(plain)); plain = ""; };
  let at = 0;
  while (at < text.length) {
    const found = code(text, at) ?? angle(text, at) ?? styled(text, at) ?? named(text, at);
    if (found) {
      flush();
      nodes.push(found.node);
      at = found.end;
    } else {
      const character = String.fromCodePoint(text.codePointAt(at));
      plain += character;
      at += character.length;
    }
  }
  flush();
  return nodes;
}

function code(text, at) {
  if (text[at] !== "`") return null;
  const end = text.indexOf("`", at + 1);
  if (end <= at + 1 || text.slice(at, end).includes("\n")) return null;
  return { node: h("code", {}, unescape(text.slice(at + 1, end))), end: end + 1 };
}

function styled(text, at) {
  const style = INLINE.find((one) => one.open === text[at]);
  if (!style || (at > 0 && WORD.test(text[at - 1])) || /\s/.test(text[at + 1] ?? " ")) return null;
  for (let end = text.indexOf(style.open, at + 2); end > 0; end = text.indexOf(style.open, end + 1)) {
    const inner = text.slice(at + 1, end);
    if (inner.includes("\n")) return null;
    if (/\s$/.test(inner) || WORD.test(text[end + 1] ?? " ")) continue;
    return { node: h(style.tag, {}, inline(inner)), end: end + 1 };
  }
  return null;
}

function named(text, at) {
  const match = /^:([a-z0-9_+'-]+(?:::skin-tone-\d)?):/.exec(text.slice(at, at + 60));
  const character = match && emoji(match[1]);
  if (!character) return null;
  return { node: emojiNode(match[1], character), end: at + match[0].length };
}

/** An emoji that a screen reader reads by its name. */
export function emojiNode(name, character = emoji(name)) {
  if (!character) return `:${name}:`;
  return h("span", { class: "emoji", role: "img", "aria-label": name.replaceAll("_", " "), title: `:${name}:` }, character);
}

/** Plain text in which only emoji names are replaced. */
export function plainText(text, withEmoji = true) {
  if (!withEmoji) return [unescape(text)];
  const nodes = [];
  let last = 0;
  for (const match of text.matchAll(/:([a-z0-9_+'-]+):/g)) {
    const character = emoji(match[1]);
    if (!character) continue;
    nodes.push(unescape(text.slice(last, match.index)), emojiNode(match[1], character));
    last = match.index + match[0].length;
  }
  nodes.push(unescape(text.slice(last)));
  return nodes.filter((node) => node !== "");
}

function angle(text, at) {
  if (text[at] !== "<") return null;
  const end = text.indexOf(">", at);
  if (end < 0) return null;
  const node = reference(text.slice(at + 1, end));
  return node ? { node, end: end + 1 } : null;
}

function reference(inside) {
  const bar = inside.indexOf("|");
  const target = bar < 0 ? inside : inside.slice(0, bar);
  const label = bar < 0 ? null : inside.slice(bar + 1);
  if (target.startsWith("@")) return mention("user", target.slice(1), "@", label);
  if (target.startsWith("#")) return mention("channel", target.slice(1), "#", label);
  if (target.startsWith("!subteam^")) return mention("group", target.slice(9), "@", label);
  if (target.startsWith("!date^")) return date(target, label);
  const broadcast = /^!(here|channel|everyone)$/.exec(target);
  if (broadcast) return h("span", { class: "mention mention-all" }, `@${broadcast[1]}`);
  return link(unescape(target), label === null ? null : plainText(label));
}

/** The mention of a user, a channel or a group by id. */
export function mention(kind, id, sign, label = null) {
  const name = names[kind](id) ?? label ?? id;
  const mine = kind === "user" && names.me?.() === id;
  const bare = unescape(name).replace(/^[@#]/, "");
  const attributes = { class: mine ? "mention mention-me" : "mention" };
  if (kind === "channel") return h("a", { ...attributes, href: `#${id}` }, sign + bare);
  return h("span", attributes, sign + bare);
}

/** A link, if it leads to the web or to mail; otherwise its text. */
export function link(url, label = null) {
  const shown = label?.length ? label : [url.replace(/^mailto:/, "")];
  if (!/^(https?:\/\/|mailto:)/i.test(url)) return label?.length || /^[a-z]+:/i.test(url) ? h("span", {}, ...shown) : null;
  if (url.startsWith(`${location.origin}/#`)) return h("a", { href: url.slice(location.origin.length) }, ...shown);
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, ...shown);
}

function date(target, fallback) {
  const [, seconds, format, url] = target.split("^");
  const when = new Date(Number(seconds) * 1000);
  if (!seconds || Number.isNaN(when.getTime())) return h("span", {}, unescape(fallback ?? ""));
  const node = h("time", { datetime: when.toISOString(), title: when.toLocaleString() }, formatDate(when, format ?? "{date}"));
  return url ? link(url, [node]) : node;
}

/** A date in Slack's own tokens, such as `{date_short_pretty} at {time}`. */
export function formatDate(when, format) {
  const show = (options) => when.toLocaleDateString(undefined, options);
  const time = (options) => when.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hour12: false, ...options });
  const pretty = (fallback) => {
    const days = Math.round((midnight(when) - midnight(new Date())) / 86_400_000);
    return { 0: "today", "-1": "yesterday", 1: "tomorrow" }[days] ?? fallback;
  };
  const long = { weekday: "long", year: "numeric", month: "long", day: "numeric" };
  const plain = { year: "numeric", month: "long", day: "numeric" };
  const short = { year: "numeric", month: "short", day: "numeric" };
  const tokens = {
    date_num: () => when.toISOString().slice(0, 10),
    date: () => show(plain), date_short: () => show(short), date_long: () => show(long),
    date_pretty: () => pretty(show(plain)), date_short_pretty: () => pretty(show(short)), date_long_pretty: () => pretty(show(long)),
    time: () => time({}), time_secs: () => time({ second: "2-digit" }), ago: () => ago(when),
  };
  return format.replace(/\{(\w+)\}/g, (whole, token) => tokens[token]?.() ?? whole);
}

function midnight(when) {
  return new Date(when.getFullYear(), when.getMonth(), when.getDate()).getTime();
}

function ago(when) {
  const seconds = (when.getTime() - Date.now()) / 1000;
  const units = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];
  const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? units[3];
  return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(Math.round(seconds / size), unit);
}

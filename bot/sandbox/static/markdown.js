// The `markdown` block: standard Markdown to DOM nodes, as far as apps use it.

import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { emojiNode, link } from "./mrkdwn.js";

const SPAN = /(`[^`\n]+`)|\*\*(?=\S)(.+?)\*\*|\*(?=\S)([^*\n]+?)\*|_(?=\S)([^_\n]+?)_|~~(?=\S)(.+?)~~|\[([^\]\n]+)\]\(([^)\s]+)\)|:([a-z0-9_+-]+):/;

/** A Markdown text as nodes. */
export function markdown(text) {
  const lines = text.split("\n");
  const nodes = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    const heading = /^(#{1,6}) +(.*)$/.exec(line);
    if (line.startsWith("```")) {
      const end = lines.findIndex((other, index) => index > at && other.startsWith("```"));
      const stop = end < 0 ? lines.length : end;
      nodes.push(h("pre", {}, lines.slice(at + 1, stop).join("\n")));
      at = stop + 1;
    } else if (heading) {
      nodes.push(h("p", { class: `md-heading md-heading-${heading[1].length}`, role: "heading", "aria-level": heading[1].length + 2 }, spans(heading[2])));
      at += 1;
    } else if (/^(-{3,}|\*{3,})$/.test(line.trim())) {
      nodes.push(h("hr"));
      at += 1;
    } else if (isTable(lines, at)) {
      at = table(lines, at, nodes);
    } else if (/^\s*([-*+]|\d+[.)]) /.test(line)) {
      at = list(lines, at, nodes);
    } else if (line.startsWith(">")) {
      const quoted = take(lines, at, (other) => other.startsWith(">"));
      nodes.push(h("blockquote", {}, spans(quoted.map((other) => other.replace(/^> ?/, "")).join("\n"))));
      at += quoted.length;
    } else if (line.trim() === "") {
      at += 1;
    } else {
      const paragraph = take(lines, at, (other) => other.trim() !== "" && !/^(#{1,6} |```|>|\s*([-*+]|\d+[.)]) )/.test(other));
      nodes.push(h("p", {}, spans(paragraph.join("\n"))));
      at += Math.max(1, paragraph.length);
    }
  }
  return nodes;
}

function take(lines, from, accept) {
  let end = from;
  while (end < lines.length && accept(lines[end])) end += 1;
  return lines.slice(from, end);
}

function list(lines, at, nodes) {
  const items = take(lines, at, (line) => /^\s*([-*+]|\d+[.)]) /.test(line));
  const ordered = /^\s*\d/.test(items[0]);
  nodes.push(h(ordered ? "ol" : "ul", {}, items.map((item) => h("li", {}, spans(item.replace(/^\s*([-*+]|\d+[.)]) /, ""))))));
  return at + items.length;
}

function isTable(lines, at) {
  return lines[at].includes("|") && /^[\s|:-]+$/.test(lines[at + 1] ?? "") && (lines[at + 1] ?? "").includes("-");
}

function table(lines, at, nodes) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  const body = take(lines, at + 2, (line) => line.includes("|"));
  const head = h("thead", {}, h("tr", {}, cells(lines[at]).map((cell) => h("th", {}, spans(cell)))));
  const rows = body.map((line) => h("tr", {}, cells(line).map((cell) => h("td", {}, spans(cell)))));
  nodes.push(h("div", { class: "table-scroll" }, h("table", {}, head, h("tbody", {}, rows))));
  return at + 2 + body.length;
}

function spans(text) {
  const nodes = [];
  let rest = text;
  for (let match = SPAN.exec(rest); match; match = SPAN.exec(rest)) {
    if (match.index) nodes.push(rest.slice(0, match.index));
    nodes.push(span(match));
    rest = rest.slice(match.index + match[0].length);
  }
  if (rest) nodes.push(rest);
  return nodes;
}

function span([whole, code, bold, star, under, strike, label, url, name]) {
  if (code) return h("code", {}, code.slice(1, -1));
  if (bold) return h("strong", {}, spans(bold));
  if (star || under) return h("em", {}, spans(star ?? under));
  if (strike) return h("s", {}, spans(strike));
  if (url) return link(url, spans(label)) ?? whole;
  return emoji(name) ? emojiNode(name) : whole;
}

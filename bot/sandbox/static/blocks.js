// Block Kit to DOM nodes. What can be clicked carries `data-action` and `data-block`; the page
// listens in one place, so that a block can be patched while it is in use.

import { h, icon } from "./dom.js";
import { control } from "./elements.js";
import { markdown } from "./markdown.js";
import { emojiNode, formatDate, link, mention, mrkdwn, plainText } from "./mrkdwn.js";

/** A text object as nodes. */
export function textObject(text) {
  if (!text) return [];
  return text.type === "mrkdwn" ? mrkdwn(text.text) : plainText(text.text, text.emoji !== false);
}

/** All blocks of a message or a view. `errors` are sentences by block id. */
export function blocks(list, errors = {}) {
  const seen = new Map();
  return list.map((block) => {
    const key = keyOf(block);
    const count = seen.get(key) ?? 0;
    seen.set(key, count + 1);
    return h("div", { class: `block block-${block.type}`, "data-key": key && `${key}:${count}`, "data-block": block.block_id }, (RENDER[block.type] ?? unknown)(block, errors));
  });
}

// Slack makes up new block ids at every edit, so what can be clicked is known by its action ids;
// everything else is matched by its place.
function keyOf(block) {
  if (block.type === "input") return `input:${block.block_id}`;
  if (block.type !== "actions" && !block.accessory?.action_id) return null;
  return [block.type, ...(block.elements ?? [block.accessory]).map((element) => element.action_id)].join(":");
}

const RENDER = {
  header: (block) => h("h3", { class: "header" }, textObject(block.text)),
  section: (block) => [
    h("div", { class: "section-body" },
      block.text && h("div", { class: "text" }, textObject(block.text)),
      block.fields && h("div", { class: "fields" }, block.fields.map((field) => h("div", { class: "text" }, textObject(field))))),
    block.accessory && h("div", { class: "accessory" }, control(block, block.accessory)),
  ],
  context: (block) => block.elements.map((element) => (element.type === "image" ? picture(element, "context-image") : h("div", { class: "text" }, textObject(element)))),
  actions: (block) => block.elements.map((element) => control(block, element)),
  divider: () => h("hr"),
  image: (block) => h("figure", {}, block.title && h("figcaption", {}, textObject(block.title)), picture(block, "image")),
  input: input,
  markdown: (block) => h("div", { class: "text markdown" }, markdown(block.text)),
  rich_text: (block) => h("div", { class: "text" }, block.elements.map(richPart)),
  table: (block) => h("div", { class: "table-scroll" }, h("table", {}, h("tbody", {}, block.rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, cellNodes(cell)))))))),
};

function unknown(block) {
  return h("p", { class: "muted" }, `The sandbox shows no ${block.type} blocks.`);
}

function input(block, errors) {
  const id = `input-${block.block_id}`;
  const error = errors[block.block_id];
  const grouped = ["checkboxes", "radio_buttons"].includes(block.element.type);
  const label = h(grouped ? "div" : "label", { class: "label", id: `${id}-label`, for: grouped ? null : id },
    textObject(block.label), block.optional && h("span", { class: "muted" }, " (optional)"));
  const described = [block.hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return [
    label,
    control(block, block.element, { id, "aria-labelledby": grouped ? `${id}-label` : null, "aria-describedby": described || null, "aria-invalid": error ? "true" : null }),
    error && h("p", { class: "field-error", id: `${id}-error`, role: "alert" }, error),
    block.hint && h("p", { class: "hint", id: `${id}-hint` }, textObject(block.hint)),
  ];
}

/** An image out of the sandbox's own files; one from elsewhere stays a link. */
export function picture(image, name) {
  const file = image.slack_file?.id;
  if (file) return h("img", { class: name, src: `/page/api/file/${encodeURIComponent(file)}`, alt: image.alt_text, loading: "lazy" });
  if (name === "context-image") return h("span", { class: "context-image no-image", role: "img", "aria-label": image.alt_text }, icon("M3 4h14v12H3zM3 13l4-4 4 4 3-2 3 3"));
  return h("span", { class: "no-image" }, icon("M3 4h14v12H3zM3 13l4-4 4 4 3-2 3 3"), link(image.image_url ?? "", [image.alt_text]) ?? image.alt_text);
}

function cellNodes(cell) {
  if (cell.type === "rich_text") return cell.elements.map(richPart);
  return [cell.text ?? ""];
}

function richPart(part) {
  const inner = () => part.elements.map(richSpan);
  if (part.type === "rich_text_preformatted") return h("pre", {}, inner());
  if (part.type === "rich_text_quote") return h("blockquote", {}, inner());
  if (part.type === "rich_text_list") {
    const tag = part.style === "ordered" ? "ol" : "ul";
    return h(tag, { class: `indent-${part.indent ?? 0}`, start: part.offset ? part.offset + 1 : null }, part.elements.map((item) => h("li", {}, item.elements.map(richSpan))));
  }
  return h("div", {}, inner());
}

function richSpan(span) {
  const style = span.style ?? {};
  let node = richCore(span);
  if (style.code) node = h("code", {}, node);
  if (style.strike) node = h("s", {}, node);
  if (style.italic) node = h("em", {}, node);
  if (style.bold) node = h("strong", {}, node);
  return node;
}

function richCore(span) {
  switch (span.type) {
    case "text": return span.text;
    case "link": return link(span.url, span.text ? [span.text] : null) ?? span.url;
    case "emoji": return emojiNode(span.name);
    case "user": return mention("user", span.user_id, "@");
    case "channel": return mention("channel", span.channel_id, "#");
    case "usergroup": return mention("group", span.usergroup_id, "@");
    case "broadcast": return h("span", { class: "mention mention-all" }, `@${span.range}`);
    case "date": return formatDate(new Date(span.timestamp * 1000), span.format);
    default: return span.fallback ?? "";
  }
}

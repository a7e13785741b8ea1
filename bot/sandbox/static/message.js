// One message: avatar, name, time, what it says, reactions, and the way into its thread.

import { blocks } from "./blocks.js";
import { h, icon } from "./dom.js";
import { emojiNode, formatDate, mrkdwn } from "./mrkdwn.js";
import { nameOf, store } from "./store.js";

const TOGETHER = 300; // seconds within which messages of one author stand together
const QUICK = ["white_check_mark", "eyes", "+1"];
const rendered = new Map(); // by list and ts: the message's signature and its node

/** A user's picture, made here: initials on a colour, or the app's own mark. */
export function avatar(user, size = "") {
  const known = store.users.get(user);
  if (user === store.app.bot) return h("span", { class: `avatar avatar-bot ${size}`, "aria-hidden": "true" }, icon("M10 2.5v2.6M5 7.6c0-1.4 1.1-2.5 2.5-2.5h5C13.900 5.100 15 6.200 15 7.600v5.300c0 1.400-1.100 2.500-2.500 2.500h-5C6.100 15.400 5 14.300 5 12.900zM8 9.300v1.400M12 9.300v1.400M2.700 9v3M17.300 9v3M8 18h4"));
  const node = h("span", { class: `avatar ${size}`, "aria-hidden": "true" }, (known?.name ?? "?").slice(0, 1).toUpperCase());
  if (known) node.style.setProperty("--hue", `#${known.color}`);
  return node;
}

/** The rows of a list: messages with the dividers between days. */
export function rows(list, where) {
  const nodes = [];
  let before = null;
  for (const message of list) {
    const day = new Date(Number(message.ts) * 1000).toDateString();
    const newDay = !before || new Date(Number(before.ts) * 1000).toDateString() !== day;
    if (newDay && where.thread === undefined) nodes.push(divider(message, day));
    const compact = !newDay && together(before, message, where);
    nodes.push(cached(message, where, compact));
    if (where.thread === message.ts) nodes.push(replyRule(message));
    before = message;
  }
  return nodes;
}

function together(before, message, where) {
  if (where.thread === before.ts || before.reply_count || before.is_ephemeral !== message.is_ephemeral) return false;
  return before.user === message.user && Number(message.ts) - Number(before.ts) < TOGETHER;
}

function divider(message, day) {
  const label = formatDate(new Date(Number(message.ts) * 1000), "{date_long_pretty}");
  return h("div", { class: "day", role: "separator", "data-key": `day:${day}` }, h("span", {}, label[0].toUpperCase() + label.slice(1)));
}

function replyRule(message) {
  const count = message.reply_count ?? 0;
  return h("div", { class: "replies-rule", "data-key": `rule:${message.ts}` }, h("span", {}, count ? plural(count) : "No replies yet"));
}

const plural = (count) => `${count} ${count === 1 ? "reply" : "replies"}`;

function cached(message, where, compact) {
  const slot = `${where.thread ?? ""}|${message.channel ?? where.channel}|${message.ts}`;
  const minute = message.latest_reply ? new Date().toDateString() : "";
  const signature = JSON.stringify([message, compact, store.user, minute, where.thread]);
  const kept = rendered.get(slot);
  if (kept?.signature === signature && kept.node.isConnected) return kept.node;
  const node = row(message, where, compact);
  if (rendered.size > 2000) rendered.clear();
  rendered.set(slot, { signature, node: kept?.node.isConnected ? kept.node : node });
  return node;
}

function row(message, where, compact) {
  const when = new Date(Number(message.ts) * 1000);
  const clock = when.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
  const time = h("time", { datetime: when.toISOString(), title: when.toLocaleString(), class: "time" }, clock);
  const isApp = Boolean(message.bot_id) || message.user === "USLACKBOT";
  return h("article", {
    class: ["message", compact && "compact", message.is_ephemeral && "ephemeral", message.subtype === "tombstone" && "gone"].filter(Boolean).join(" "),
    "data-key": `m:${message.ts}`, "data-ts": message.ts, "data-channel": where.channel, "aria-label": `${nameOf(message.user)}, ${clock}`,
  },
  h("div", { class: "gutter" }, compact ? time : avatar(message.user)),
  h("div", { class: "body" },
    message.is_ephemeral && h("p", { class: "only-you" }, icon("M2.500 10S5 4.800 10 4.800 17.500 10 17.500 10 15 15.200 10 15.200 2.500 10 2.500 10zM10 8a2 2 0 1 0 0 4 2 2 0 0 0 0-4z"), "Only visible to you"),
    message.subtype === "thread_broadcast" && where.thread === undefined && h("p", { class: "only-you" }, "replied to a thread"),
    !compact && h("p", { class: "author" }, h("span", { class: "name" }, nameOf(message.user)), isApp && h("span", { class: "badge" }, "APP"), time),
    h("div", { class: "content" }, content(message)),
    message.files?.length && h("div", { class: "files" }, message.files.map(attachment)),
    message.is_ephemeral && h("button", { type: "button", class: "link-button", "data-do": "dismiss" }, "Dismiss message"),
    message.reactions?.length && reactions(message),
    message.reply_count && where.thread === undefined && summary(message)),
  !message.is_ephemeral && message.subtype !== "tombstone" && toolbar(message, where));
}

function content(message) {
  const edited = message.edited && h("span", { class: "edited" }, " (edited)");
  if (message.blocks?.length) return [...blocks(message.blocks), edited && h("div", { class: "text" }, edited)];
  return message.text ? h("div", { class: "text" }, mrkdwn(message.text), edited) : null;
}

function attachment(file) {
  const url = `/page/api/file/${encodeURIComponent(file.id)}`;
  if (/^image\/(png|jpeg|gif)$/.test(file.mimetype)) {
    return h("figure", { class: "file-image" }, h("figcaption", {}, file.title), h("a", { href: url, target: "_blank" }, h("img", { src: url, alt: file.alt_txt || file.title, loading: "lazy" })));
  }
  return h("a", { class: "file", href: url, target: "_blank", download: file.name },
    h("span", { class: "file-icon", "aria-hidden": "true" }, icon("M5 2.500h6.500L15 6v11.500H5zM11.500 2.500V6H15")),
    h("span", {}, h("strong", {}, file.title), h("span", { class: "muted" }, `${file.filetype.toUpperCase()} · ${size(file.size)}`)));
}

const size = (bytes) => (bytes < 1024 ? `${bytes} B` : bytes < 1_048_576 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1_048_576).toFixed(1)} MB`);

function reactions(message) {
  return h("div", { class: "reactions" }, message.reactions.map((reaction) => {
    const mine = reaction.users.includes(store.user);
    const who = reaction.users.map(nameOf).join(", ");
    return h("button", { type: "button", class: "reaction", "data-do": "react", "data-name": reaction.name, "aria-pressed": String(mine), title: who, "aria-label": `${reaction.name}: ${who}` }, emojiNode(reaction.name), h("span", {}, String(reaction.count)));
  }));
}

function summary(message) {
  const last = formatDate(new Date(Number(message.latest_reply) * 1000), "{date_short_pretty} at {time}");
  return h("button", { type: "button", class: "summary", "data-do": "thread", "data-key": `s:${message.ts}` },
    h("span", { class: "faces" }, message.reply_users.slice(0, 4).map((user) => avatar(user, "small"))),
    h("span", { class: "count" }, plural(message.reply_count)), h("span", { class: "muted last" }, `Last reply ${last}`));
}

function toolbar(message, where) {
  const shortcuts = store.shortcuts.filter((shortcut) => shortcut.on_message);
  // One stop for the Tab key; the arrow keys reach the rest.
  return h("div", { class: "toolbar", role: "toolbar", "aria-label": "Message actions" },
    QUICK.map((name) => h("button", { type: "button", "data-do": "react", "data-name": name, tabindex: -1, "aria-label": `React with ${name.replaceAll("_", " ")}` }, emojiNode(name))),
    where.thread === undefined && h("button", { type: "button", "data-do": "thread", "aria-label": "Reply in thread", title: "Reply in thread" }, icon("M3.500 4.500h13v9h-7l-3.500 3v-3H3.500z")),
    shortcuts.map((shortcut) => h("button", { type: "button", class: "shortcut", tabindex: -1, "data-do": "shortcut", "data-name": shortcut.callback_id }, shortcut.name)));
}

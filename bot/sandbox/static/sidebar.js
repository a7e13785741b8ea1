// The sidebar: channels, the app, who one is, and the colours.

import { h, icon, morphChildren } from "./dom.js";
import { avatar } from "./message.js";
import { nameOf, store } from "./store.js";

const at = (id) => document.getElementById(id);
const THEMES = { auto: "As the system", light: "Light", dark: "Dark" };
const ICONS = {
  auto: "M10 3.500a6.500 6.500 0 1 0 0 13zM10 3.500a6.500 6.500 0 0 1 0 13",
  light: "M10 6.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zM10 1.500v1.800M10 16.700v1.800M1.500 10h1.800M16.700 10h1.800M4 4l1.300 1.300M14.700 14.700 16 16M4 16l1.300-1.300M14.700 5.300 16 4",
  dark: "M16.500 11.500A7 7 0 0 1 8.500 3.500a7 7 0 1 0 8 8z",
};

/** Paint all of it. */
export function paintSidebar() {
  const { place } = store;
  at("workspace").textContent = store.team.name;
  morphChildren(at("channels"), [...store.channels.values()].filter((channel) => !channel.is_im).map((channel) => entry({
    key: channel.id, href: `#${channel.id}`, current: place.kind === "channel" && place.channel === channel.id, unread: store.unread.has(channel.id),
    mark: h("span", { class: "hash", "aria-hidden": "true" }, "#"), name: channel.name,
  })));
  const connected = store.sockets > 0 || Boolean(store.requestUrl);
  morphChildren(at("apps"), [entry({
    key: "app", href: "#app/home", current: place.kind === "app", unread: [...store.unread].some((id) => store.channels.get(id)?.is_im),
    mark: avatar(store.app.bot, "tiny"), name: nameOf(store.app.bot),
    after: h("span", { class: connected ? "presence on" : "presence", title: connected ? "connected" : "not connected" }, h("span", { class: "sr" }, connected ? "connected" : "not connected")),
  })]);
  morphChildren(at("you"), ["You are ", h("strong", {}, `@${nameOf(store.user)}`)]);
  morphChildren(at("people"), store.people.map((id) => {
    const mine = id === store.user;
    const { name, profile, deleted } = store.users.get(id);
    return h("button", { type: "button", role: "radio", class: "person", "data-user": id, "data-key": id, "aria-checked": String(mine), tabindex: mine ? 0 : -1, title: `@${name}: ${deleted ? "deactivated" : profile.title}` }, avatar(id, "small"), h("span", {}, name, deleted && h("span", { class: "sr" }, " (deactivated)")));
  }));
}

function entry({ key, href, current, unread, mark, name, after }) {
  return h("li", { "data-key": key }, h("a", { href, "aria-current": current ? "page" : null, class: unread ? "unread" : null }, mark, h("span", { class: "entry-name" }, name), unread && h("span", { class: "sr" }, " (new messages)"), after));
}

function paintTheme() {
  const theme = document.documentElement.dataset.theme;
  const button = at("theme");
  button.replaceChildren(icon(ICONS[theme]));
  button.setAttribute("aria-label", `Colours: ${THEMES[theme]}`);
  button.title = `Colours: ${THEMES[theme]}`;
}

document.documentElement.dataset.theme = localStorage.getItem("sandbox-theme") ?? "auto";
paintTheme();
at("theme").addEventListener("click", () => {
  const all = Object.keys(THEMES);
  const next = all[(all.indexOf(document.documentElement.dataset.theme) + 1) % all.length];
  document.documentElement.dataset.theme = next;
  localStorage.setItem("sandbox-theme", next);
  paintTheme();
});

// The page: where the reader is, what is painted there, and what a click does.

import { blocks } from "./blocks.js";
import { activate, failed } from "./clicks.js";
import { composer } from "./composer.js";
import { paintControls } from "./controls.js";
import { paintModal } from "./dialogs.js";
import { h, icon, morphChildren } from "./dom.js";
import { choiceOf, choosable } from "./elements.js";
import { avatar, rows } from "./message.js";
import { mrkdwn, names } from "./mrkdwn.js";
import { pane } from "./scrolling.js";
import { paintSidebar } from "./sidebar.js";
import { ask, directChannel, listed, load, messageAt, nameOf, store, take } from "./store.js";
import { follow } from "./live.js";

const at = (id) => document.getElementById(id);
const place = store.place;
const wide = matchMedia("(min-width: 1000px)");
const panes = {
  main: pane(at("messages"), at("list"), at("jump")),
  thread: pane(at("thread-scroll"), at("thread-list"), at("thread-jump")),
};

Object.assign(names, {
  user: (id) => store.users.get(id)?.name, channel: (id) => store.channels.get(id)?.name,
  group: (id) => store.groups.get(id)?.handle, me: () => store.user,
});
choosable.users = () => store.people.map((id) => [id, nameOf(id)]);
choosable.channels = () => [...store.channels.values()].filter((channel) => !channel.is_im).map((channel) => [channel.id, `#${channel.name}`]);

const mainComposer = composer("composer", () => ({ channel: place.channel, thread: "" }), () => panes.main.toEnd());
const threadComposer = composer("thread-composer", () => ({ channel: place.channel, thread: place.thread }), () => panes.thread.toEnd());
at("composer-dock").append(mainComposer.node);
at("thread-dock").append(threadComposer.node);

// ---- painting

function paint() {
  if (!store.ready) return;
  if (place.kind === "app") place.channel = directChannel();
  paintControls();
  paintSidebar();
  paintHead();
  paintMain();
  paintThread();
  paintModal();
}

function paintHead() {
  const isApp = place.kind === "app";
  const channel = store.channels.get(place.channel);
  at("title").textContent = isApp ? nameOf(store.app.bot) : `# ${channel?.name ?? ""}`;
  at("purpose").textContent = isApp ? "App" : channel?.purpose?.value ?? "";
  document.title = `${isApp ? nameOf(store.app.bot) : `#${channel?.name ?? ""}`} · Local sandbox`;
  const me = at("me");
  morphChildren(me, [avatar(store.user, "small"), h("span", {}, `@${nameOf(store.user)}`)]);
  me.setAttribute("aria-label", `You are @${nameOf(store.user)}. Switch user`);
  const tabs = at("tabs");
  tabs.hidden = !isApp;
  if (isApp) {
    morphChildren(tabs, ["home", "messages"].map((tab) => h("button", { type: "button", role: "tab", "data-tab": tab, "aria-selected": String(place.tab === tab), "aria-controls": "messages", tabindex: place.tab === tab ? 0 : -1 }, tab === "home" ? "Home" : "Messages")));
  }
  const isHome = isApp && place.tab === "home";
  at("composer-dock").hidden = isHome;
  mainComposer.label(isApp ? `Message ${nameOf(store.app.bot)}` : `Message #${channel?.name ?? ""}`);
}

function paintMain() {
  const { list: shown } = panes.main;
  if (place.kind === "app" && place.tab === "home") {
    at("list").setAttribute("aria-label", "Home");
    const body = store.home ? blocks(store.home.blocks) : [h("div", { class: "empty" }, h("p", {}, "The app has not published a Home tab for you yet."))];
    morphChildren(shown, [h("div", { class: "home", "data-key": `home:${store.home?.id}`, "data-view": store.home?.id ?? "" }, body)]);
    return;
  }
  at("list").setAttribute("aria-label", "Messages");
  const list = listed(place.channel);
  panes.main.patch(() => morphChildren(shown, [h("div", { class: "filler", "data-key": "filler" }), ...(list.length ? rows(list, { channel: place.channel }) : [empty()]), notice()].filter(Boolean)));
}

function empty() {
  const command = store.commands[0];
  const channel = store.channels.get(place.channel);
  const line = command && `${command.name} ${command.examples[0]?.text ?? command.usage_hint}`.trim();
  return h("div", { class: "empty", "data-key": "empty" },
    h("span", { class: "empty-mark", "aria-hidden": "true" }, icon("M7.500 3.500 6 16.500M14 3.500l-1.500 13M3.500 7.500h13.500M3 12.500h13.500")),
    h("h2", {}, channel?.is_im ? `This is between you and ${nameOf(store.app.bot)}` : `Welcome to #${channel?.name ?? ""}`),
    command && h("p", {}, "Nothing has happened here yet. Type a command, for example:"),
    command && h("button", { type: "button", class: "try", "data-fill": line }, h("code", {}, line), h("span", {}, "Put it in the message field")),
    h("p", { class: "muted" }, "Act as somebody else at any time: choose who you are at the foot of the sidebar."));
}

function notice() {
  if (store.sockets > 0 || store.requestUrl) return null;
  const lines = [`SLACK_API_URL=${location.origin}/api/`, "SLACK_BOT_TOKEN=xoxb-sandbox", "SLACK_APP_TOKEN=xapp-sandbox"];
  return h("div", { class: "notice", "data-key": "notice" }, h("p", {}, h("strong", {}, "No app is connected."), " Commands and buttons will fail until one is. Start it with:"), h("pre", {}, lines.join("\n")));
}

function paintThread() {
  const root = place.kind === "channel" || place.tab === "messages" ? messageAt(place.channel, place.thread) : null;
  at("thread").hidden = !root;
  document.body.classList.toggle("with-thread", Boolean(root));
  if (!root) return;
  at("thread-where").textContent = store.channels.get(place.channel)?.is_im ? nameOf(store.app.bot) : `# ${store.channels.get(place.channel)?.name}`;
  threadComposer.label("Reply…");
  panes.thread.patch(() => morphChildren(panes.thread.list, rows(listed(place.channel, place.thread), { channel: place.channel, thread: place.thread })));
}

// ---- going places

/** Go to where the address says: `#C…`, `#C…/ts`, `#app/home`, `#app/messages`. `anew`: as another user. */
function go(anew) {
  if (!store.ready) return;
  const [first, second] = decodeURIComponent(location.hash.slice(1)).split("/");
  const where = () => (place.kind === "app" ? `app/${place.tab}` : place.channel);
  const before = where();
  const threadBefore = place.thread;
  if (first === "app" || store.channels.get(first)?.is_im) {
    const tab = first === "app" && second !== "messages" ? "home" : "messages";
    Object.assign(place, { kind: "app", tab, channel: directChannel(), thread: first === "app" ? "" : second ?? "" });
    if (anew === true || before !== `app/${tab}`) ask("home", { tab });
  } else {
    const channel = store.channels.has(first) ? first : [...store.channels.keys()][0];
    Object.assign(place, { kind: "channel", tab: "", channel, thread: second ?? "" });
  }
  store.unread.delete(place.channel);
  closeSidebar();
  if (anew || before !== where()) panes.main.clear();
  if (threadBefore !== place.thread) panes.thread.clear();
  paint();
}

function openThread(ts, focus = true) {
  location.hash = `#${place.channel}/${ts}`;
  if (focus && wide.matches) setTimeout(() => threadComposer.field.focus(), 30);
}

function closeThread() {
  const ts = place.thread;
  location.hash = place.kind === "app" ? "#app/messages" : `#${place.channel}`;
  setTimeout(() => (document.querySelector(`#list [data-ts="${CSS.escape(ts)}"] .summary`) ?? mainComposer.field).focus(), 30);
}

/** The first thread that one's own command brings about opens by itself, once, where there is room. */
function openFirstThread(message) {
  if (!wide.matches || place.thread || place.kind !== "channel" || sessionStorage.getItem("sandbox-thread")) return;
  const root = store.messages.get(place.channel)?.get(message.thread_ts);
  const typed = store.commanded;
  if (!root?.bot_id || !typed || typed.channel !== place.channel || root.ts < typed.ts) return;
  sessionStorage.setItem("sandbox-thread", "opened");
  openThread(root.ts, false);
}

async function become(user) {
  store.user = user;
  sessionStorage.setItem("sandbox-user", user);
  await load();
  go(true);
  at("announcer").textContent = `You are @${nameOf(user)}`;
}

// ---- clicks

document.addEventListener("click", (event) => {
  const target = event.target;
  const overflow = target.closest("[data-overflow]");
  for (const menu of document.querySelectorAll(".popup-menu:not([hidden])")) if (menu.previousElementSibling !== overflow) showMenu(menu.previousElementSibling, false);
  if (overflow) return showMenu(overflow, overflow.nextElementSibling.hidden);
  const button = target.closest("button[data-action]");
  if (button) return activate(button, choiceOf(button));
  const act = target.closest("[data-do]");
  if (act) return perform(act.dataset, act.closest("[data-ts]").dataset);
  const fill = target.closest("[data-fill]");
  if (fill) return mainComposer.fill(fill.dataset.fill);
  const user = target.closest("[data-user]");
  if (user) return become(user.dataset.user);
  const tab = target.closest("[data-tab]");
  if (tab) location.hash = `#app/${tab.dataset.tab}`;
  const skip = target.closest("[data-skip]");
  if (skip) { event.preventDefault(); at(skip.dataset.skip).focus(); }
});

function showMenu(button, open) {
  button.setAttribute("aria-expanded", String(open));
  button.nextElementSibling.hidden = !open;
  if (open) button.nextElementSibling.firstElementChild?.focus();
}

function perform({ do: what, name }, { ts, channel }) {
  if (what === "thread") openThread(messageAt(channel, ts)?.thread_ts ?? ts);
  if (what === "dismiss") ask("dismiss", { ts });
  if (what === "react") ask("reaction", { channel, ts, name });
  if (what === "shortcut") ask("shortcut", { channel, ts, callback_id: name });
}

document.addEventListener("change", (event) => {
  const node = event.target.closest("[data-action]");
  if (node && node.nodeName !== "BUTTON") activate(node, choiceOf(node));
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.(".popup-menu");
  if (menu && ["ArrowDown", "ArrowUp", "Escape"].includes(event.key)) {
    event.preventDefault();
    const sibling = event.key === "ArrowDown" ? "nextElementSibling" : "previousElementSibling";
    if (event.key !== "Escape") return event.target[sibling]?.focus();
    showMenu(menu.previousElementSibling, false);
    return menu.previousElementSibling.focus();
  }
  const radio = event.target.closest?.("[data-user], [data-tab], .toolbar button");
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (radio && step) {
    event.preventDefault();
    const all = [...radio.parentElement.children];
    const next = all[(all.indexOf(radio) + step + all.length) % all.length];
    next.focus();
    if (!radio.closest(".toolbar")) next.click();
  } else if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    if (document.body.classList.contains("with-sidebar")) closeSidebar(true);
    else if (place.thread) closeThread();
  }
});

at("thread-close").addEventListener("click", closeThread);
at("menu").addEventListener("click", openSidebar);
at("me").addEventListener("click", () => { openSidebar(); at("people").querySelector('[aria-checked="true"]')?.focus(); });
at("veil").addEventListener("click", () => closeSidebar());

function openSidebar() {
  document.body.classList.add("with-sidebar");
  at("veil").hidden = false;
  at("menu").setAttribute("aria-expanded", "true");
  at("sidebar").querySelector("a")?.focus();
}

function closeSidebar(focus = false) {
  document.body.classList.remove("with-sidebar");
  at("veil").hidden = true;
  at("menu").setAttribute("aria-expanded", "false");
  if (focus) at("menu").focus();
}

// ---- living

let due = 0;
function soon() {
  if (!due) due = requestAnimationFrame(() => { due = 0; paint(); });
}

function changed(change) {
  const touched = take(change);
  if (!touched) return;
  if (touched.added) heard(touched.added, touched.messages);
  if (touched.failed) {
    const { ts, view_id: view, action_id: action, error } = touched.failed;
    const root = view ? `[data-view="${CSS.escape(view)}"]` : `[data-ts="${CSS.escape(ts)}"]`;
    failed(document.querySelector(`${root} [data-action="${CSS.escape(action)}"]`), error);
  }
  soon();
}

function heard(message, channel) {
  const here = channel === place.channel;
  const isReply = message.thread_ts && message.thread_ts !== message.ts;
  if (!here) store.unread.add(channel);
  else if (isReply) {
    if (message.thread_ts === place.thread) panes.thread.arrived();
    else openFirstThread(message);
  } else panes.main.arrived();
  if (here && message.user !== store.user) {
    const spoken = message.text || message.files?.[0]?.title || "new message";
    at("announcer").textContent = `${nameOf(message.user)}: ${mrkdwn(spoken).map((node) => node.textContent ?? node).join("")}`;
  }
}

addEventListener("hashchange", () => go());
follow({
  async opened() {
    await load();
    at("offline").hidden = true;
    go();
    const latest = listed(place.channel).filter((message) => message.reply_count).at(-1);
    if (latest) openFirstThread({ thread_ts: latest.ts });
  },
  changed,
  lost() { at("offline").hidden = false; },
});
if (wide.matches) mainComposer.field.focus();

// The message field: sends on Enter, completes slash commands and mentions.

import { h, icon } from "./dom.js";
import { ask, store } from "./store.js";

/** A composer; `place()` gives its channel and thread, `sent()` is told after sending. */
export function composer(id, place, sent) {
  const list = h("ul", { class: "completions", id: `${id}-list`, role: "listbox", "aria-label": "Completions", hidden: true });
  const field = h("textarea", {
    id, rows: 1, role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": `${id}-list`,
    "aria-label": "Message", autocomplete: "off", spellcheck: "true", enterkeyhint: "send",
  });
  const send = h("button", { type: "button", class: "send", "aria-label": "Send" }, icon("M3 3.500 17.500 10 3 16.500l1.800-5.300L11 10 4.800 8.800z"));
  const problem = h("p", { class: "field-error composer-problem", role: "alert", hidden: true });
  const node = h("div", { class: "composer" }, list, problem, h("div", { class: "composer-box" }, field, send));
  let options = [];
  let active = -1;

  function suggest() {
    const typed = field.value.slice(0, field.selectionStart);
    options = place().thread ? [] : commandOptions(typed);
    if (!options.length) options = mentionOptions(typed);
    if (options.length === 1 && options[0].text.trimEnd() === field.value.trimEnd()) options = [];
    active = options.length && !typed.includes(" ") ? 0 : -1;
    paint();
  }

  function paint() {
    list.hidden = options.length === 0;
    field.setAttribute("aria-expanded", String(options.length > 0));
    list.replaceChildren(...options.map((option, index) => h("li", { id: `${id}-option-${index}`, role: "option", "aria-selected": String(index === active), "data-index": index },
      h("span", { class: "completion-name" }, option.label), option.hint && h("span", { class: "completion-hint" }, option.hint), option.note && h("span", { class: "completion-note" }, option.note))));
    if (active >= 0) field.setAttribute("aria-activedescendant", `${id}-option-${active}`);
    else field.removeAttribute("aria-activedescendant");
    list.children[active]?.scrollIntoView({ block: "nearest" });
  }

  function close() {
    options = [];
    active = -1;
    paint();
  }

  function complete(index) {
    const option = options[index];
    if (!option) return;
    field.value = option.text;
    field.focus();
    size();
    suggest();
  }

  function size() {
    field.style.height = "auto";
    if (field.value) field.style.height = `${Math.min(field.scrollHeight, 220)}px`;
    send.disabled = field.value.trim() === "";
  }

  async function submit() {
    const text = field.value.trim();
    if (!text) return;
    const { channel, thread } = place();
    field.value = "";
    problem.hidden = true;
    close();
    size();
    sent();
    try {
      if (text.startsWith("/")) await ask("command", { channel, text, thread_ts: thread });
      else await ask("message", { channel, text: encode(text), thread_ts: thread });
    } catch (error) {
      problem.textContent = `Not sent (${error.message}).`;
      problem.hidden = false;
      if (!field.value) field.value = text;
      size();
    }
  }

  field.addEventListener("input", () => { size(); suggest(); });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const open = options.length > 0;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      active = active < 0 && step < 0 ? options.length - 1 : (active + step + options.length) % options.length;
      paint();
    } else if (open && event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      complete(Math.max(active, 0));
    } else if (open && event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      if (open && active >= 0 && options[active].text.trimEnd() !== field.value.trimEnd()) complete(active);
      else submit();
    }
  });
  field.addEventListener("blur", () => setTimeout(() => { if (document.activeElement !== field) close(); }, 150));
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => complete(Number(event.target.closest("li")?.dataset.index)));
  send.addEventListener("click", submit);
  size();

  return {
    node, field,
    /** Put a text into the field, as if it had been typed. */
    fill(text) { field.value = text; field.focus(); size(); suggest(); },
    label(text) { field.placeholder = text; field.setAttribute("aria-label", text); },
  };
}

function commandOptions(typed) {
  if (!typed.startsWith("/")) return [];
  const found = [];
  for (const command of store.commands) {
    if (command.name.startsWith(typed)) {
      found.push({ text: `${command.name} `, label: command.name, hint: command.usage_hint, note: command.description });
    }
    if (!command.name.startsWith(typed) && !typed.startsWith(`${command.name} `)) continue;
    for (const example of command.examples) {
      const text = `${command.name} ${example.text}`;
      if (text.startsWith(typed)) found.push({ text, label: text, note: example.note });
    }
  }
  return found.slice(0, 12);
}

function mentionOptions(typed) {
  const match = /(^|\s)@([\w-]*)$/.exec(typed);
  if (!match) return [];
  const before = typed.slice(0, typed.length - match[2].length);
  return [...store.users.values()]
    .filter((user) => user.id !== "USLACKBOT" && user.name.startsWith(match[2].toLowerCase()))
    .map((user) => ({ text: `${before}${user.name} `, label: `@${user.name}`, note: user.id === store.app.bot ? "app" : user.profile.title }));
}

function encode(text) {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const users = new Map([...store.users.values()].map((user) => [user.name.toLowerCase(), user.id]));
  const channels = new Map([...store.channels.values()].map((channel) => [channel.name, channel.id]));
  return escaped
    .replace(/(^|\s)@([\w-]+)/g, (whole, space, name) => (users.has(name.toLowerCase()) ? `${space}<@${users.get(name.toLowerCase())}>` : whole))
    .replace(/(^|\s)#([\w-]+)/g, (whole, space, name) => (channels.has(name) ? `${space}<#${channels.get(name)}>` : whole));
}

// The interactive elements of Block Kit as native controls, and what is chosen in them.

import { h, icon } from "./dom.js";
import { mrkdwn, plainText } from "./mrkdwn.js";

/** The page sets these: who can be chosen in a `users_select`, and where. */
export const choosable = { users: () => [], channels: () => [] };

const text = (object) => (object.type === "mrkdwn" ? mrkdwn(object.text) : plainText(object.text, object.emoji !== false));
const words = (object) => text(object).map((node) => (typeof node === "string" ? node : node.textContent)).join("");

/** The control for an element of a block. */
export function control(block, element, attributes = {}) {
  const common = { "data-action": element.action_id, "data-type": element.type, "data-block": block.block_id, "data-key": `e:${element.action_id}`, ...attributes };
  return (CONTROLS[element.type] ?? fallback)(element, common, block);
}

const CONTROLS = {
  button: (element, common) => {
    const inner = h("span", {}, text(element.text));
    const label = element.accessibility_label ?? null;
    return h("button", { type: "button", class: `button ${element.style ?? ""}`.trim(), "aria-label": label, ...common }, inner);
  },
  static_select: (element, common) => select(element, common, groups(element), element.initial_option?.value),
  multi_static_select: (element, common) => select(element, { ...common, multiple: true }, groups(element), (element.initial_options ?? []).map((option) => option.value)),
  users_select: (element, common) => select(element, common, choosable.users().map(([value, label]) => ({ value, label })), element.initial_user),
  multi_users_select: (element, common) => select(element, { ...common, multiple: true }, choosable.users().map(([value, label]) => ({ value, label })), element.initial_users ?? []),
  channels_select: (element, common) => select(element, common, choosable.channels().map(([value, label]) => ({ value, label })), element.initial_channel),
  conversations_select: (element, common) => select(element, common, choosable.channels().map(([value, label]) => ({ value, label })), element.initial_conversation),
  overflow: (element, common) => h("span", { class: "overflow", "data-key": common["data-key"] },
    h("button", { type: "button", class: "button overflow-button", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": "More actions", "data-overflow": true }, icon("M4 10h.01M10 10h.01M16 10h.01")),
    h("div", { class: "popup-menu", role: "menu", hidden: true }, element.options.map((option) => h("button", { type: "button", role: "menuitem", ...common, "data-key": null, "data-choice": option.value }, text(option.text))))),
  checkboxes: (element, common) => choiceGroup(element, common, "checkbox", new Set((element.initial_options ?? []).map((option) => option.value))),
  radio_buttons: (element, common) => choiceGroup(element, common, "radio", new Set([element.initial_option?.value])),
  plain_text_input: (element, common) => {
    const bounds = { placeholder: element.placeholder?.text, minlength: element.min_length, maxlength: element.max_length };
    if (element.multiline) return h("textarea", { class: "field", rows: 4, ...bounds, ...common }, element.initial_value ?? "");
    return h("input", { class: "field", type: "text", autocomplete: "off", value: element.initial_value, ...bounds, ...common });
  },
  number_input: (element, common) => h("input", { class: "field", type: "number", step: element.is_decimal_allowed ? "any" : 1, min: element.min_value, max: element.max_value, value: element.initial_value, ...common }),
  email_text_input: (element, common) => h("input", { class: "field", type: "email", value: element.initial_value, ...common }),
  url_text_input: (element, common) => h("input", { class: "field", type: "url", value: element.initial_value, ...common }),
  datepicker: (element, common) => h("input", { class: "field field-date", type: "date", value: element.initial_date, "aria-label": element.placeholder?.text ?? "Date", ...common }),
  timepicker: (element, common) => h("input", { class: "field field-date", type: "time", value: element.initial_time, "aria-label": element.placeholder?.text ?? "Time", ...common }),
  image: (element) => (element.slack_file ? h("img", { class: "thumb", src: `/page/api/file/${encodeURIComponent(element.slack_file.id)}`, alt: element.alt_text }) : h("span", { class: "no-image" }, element.alt_text)),
};

function fallback(element) {
  return h("span", { class: "muted" }, `(${element.type})`);
}

function groups(element) {
  const option = (one) => ({ value: one.value, label: words(one.text) });
  if (element.option_groups) return element.option_groups.map((group) => ({ group: words(group.label), options: group.options.map(option) }));
  return (element.options ?? []).map(option);
}

function select(element, common, options, initial) {
  const chosen = new Set([initial].flat());
  const option = (one) => h("option", { value: one.value, selected: chosen.has(one.value) }, one.label);
  const placeholder = element.placeholder?.text ?? "Choose…";
  const node = h("select", { class: "field select", "aria-label": common.id ? null : placeholder, ...common },
    common.multiple ? null : h("option", { value: "" }, placeholder),
    options.map((one) => (one.group ? h("optgroup", { label: one.group }, one.options.map(option)) : option(one))));
  return node;
}

function choiceGroup(element, common, type, chosen) {
  const { id, ...rest } = common;
  const name = `${common["data-block"]}:${element.action_id}`;
  return h("div", { class: "choices", role: type === "radio" ? "radiogroup" : "group", id, ...rest },
    element.options.map((option) => h("label", { class: "choice" },
      h("input", { type, name, value: option.value, checked: chosen.has(option.value) }),
      h("span", {}, h("span", {}, text(option.text)), option.description && h("span", { class: "description" }, text(option.description))))));
}

/** What is chosen in a control now: a value, a list of values, or null. */
export function choiceOf(node) {
  const ticked = [...node.querySelectorAll("input:checked")].map((input) => input.value);
  if (node.dataset.type === "checkboxes") return ticked;
  if (node.dataset.type === "radio_buttons") return ticked[0] ?? null;
  if (node.multiple) return [...node.selectedOptions].map((option) => option.value);
  if (node.nodeName === "BUTTON") return node.dataset.choice ?? null;
  return node.value === "" ? null : node.value;
}

/** Everything chosen under `root`, by block id and action id. */
export function choicesIn(root) {
  const choices = {};
  for (const node of root.querySelectorAll("[data-action]")) {
    if (node.nodeName === "BUTTON") continue;
    (choices[node.dataset.block] ??= {})[node.dataset.action] = choiceOf(node);
  }
  return choices;
}

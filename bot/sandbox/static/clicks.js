// What a click in a message, a modal or App Home does.

import { confirmed } from "./dialogs.js";
import { h, icon } from "./dom.js";
import { choicesIn, control } from "./elements.js";
import { ask, messageAt, store } from "./store.js";

/** Click or choose: confirm first if that is asked for, then tell the app. */
export async function activate(node, choice) {
  const where = node.closest("[data-view]");
  const row = node.closest("[data-ts]");
  const { action, block } = node.dataset;
  const held = where ? currentView(where.dataset.view) : messageAt(row?.dataset.channel, row?.dataset.ts);
  const element = held?.blocks.find((one) => one.block_id === block);
  const found = [element?.accessory, element?.element, ...(element?.elements ?? [])].find((one) => one?.action_id === action);
  if (!found || (element.type === "input" && !element.dispatch_action)) return;
  if (found.confirm && !(await confirmed(found.confirm))) {
    if (node.nodeName !== "BUTTON") node.replaceWith(control(element, found)); // back to what it was
    return;
  }
  if (found.url && /^https?:\/\//i.test(found.url)) window.open(found.url, "_blank", "noopener");
  node.classList.add("busy");
  node.setAttribute("aria-busy", "true");
  const target = where ? { view_id: where.dataset.view } : { channel: row.dataset.channel, ts: row.dataset.ts };
  try {
    await ask("action", { ...target, action_id: action, block_id: block, choice, choices: choicesIn(where ?? row) });
  } catch (error) {
    failed(node, error.message === "message_not_found" || error.message === "action_not_found" ? "This is no longer here." : error.message);
  } finally {
    node.classList.remove("busy");
    node.removeAttribute("aria-busy");
  }
}

const currentView = (id) => [...store.views, store.home].find((view) => view?.id === id);

/** Say at an element that its click failed. */
export function failed(node, sentence) {
  const block = node?.closest(".block");
  if (!block) return;
  block.querySelector(".action-failed")?.remove();
  const note = h("p", { class: "action-failed field-error", role: "alert" }, icon("M10 3 2.500 16.500h15zM10 8v4M10 14.200h.010"), sentence);
  block.append(note);
  setTimeout(() => note.remove(), 6000);
}

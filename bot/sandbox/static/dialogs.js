// Dialogs: confirm dialogs and the app's modals. The browser's own <dialog> traps the focus.

import { blocks, textObject } from "./blocks.js";
import { h, icon, morphChildren } from "./dom.js";
import { choicesIn } from "./elements.js";
import { ask, store } from "./store.js";

const modal = document.getElementById("modal");
const confirmDialog = document.getElementById("confirm");
let errors = {};
let trouble = "";
let shown = "";
let busy = false;

let questions = 0;

/** Ask with an element's `confirm` object; true when confirmed. */
export function confirmed(confirm) {
  const question = ++questions;
  const style = confirm.style === "danger" ? "danger" : "primary";
  confirmDialog.replaceChildren(
    h("form", { method: "dialog" },
      h("header", {}, h("h2", { id: "confirm-title" }, textObject(confirm.title))),
      h("div", { class: "dialog-body text", id: "confirm-text" }, textObject(confirm.text)),
      h("footer", {},
        h("button", { class: "button", value: "" }, textObject(confirm.deny)),
        h("button", { class: `button ${style}`, value: "yes", autofocus: true }, textObject(confirm.confirm)))));
  confirmDialog.returnValue = "";
  confirmDialog.showModal();
  return new Promise((resolve) => {
    // The event comes late: the dialog may ask the next question already.
    const closed = () => {
      const newest = question === questions;
      if (newest && confirmDialog.open) return;
      confirmDialog.removeEventListener("close", closed);
      resolve(newest && confirmDialog.returnValue === "yes");
    };
    confirmDialog.addEventListener("close", closed);
  });
}

/** Show the topmost of the user's views, or none. */
export function paintModal() {
  const view = store.views.at(-1);
  if (!view) {
    shown = "";
    if (modal.open) modal.close();
    return;
  }
  if (view.id !== shown) [errors, trouble, busy] = [{}, "", false];
  const body = h("div", { class: "dialog-body", "data-view": view.id, "data-key": `body:${view.id}` }, trouble && h("p", { class: "field-error", role: "alert" }, trouble), blocks(view.blocks, errors));
  const form = [
    h("header", {},
      store.views.length > 1 && h("button", { type: "button", class: "icon-button", "data-modal": "back", "aria-label": "Back" }, icon("M12 4.500 6.500 10l5.500 5.500")),
      h("h2", { id: "modal-title" }, textObject(view.title)),
      h("button", { type: "button", class: "icon-button", "data-modal": "clear", "aria-label": "Close" }, icon("m5 5 10 10M15 5 5 15"))),
    body,
    h("footer", {},
      h("button", { type: "button", class: "button", "data-modal": "back" }, view.close ? textObject(view.close) : view.submit ? "Cancel" : "Close"),
      view.submit && h("button", { type: "submit", class: "button primary", disabled: busy }, textObject(view.submit))),
  ];
  if (!modal.firstElementChild) modal.append(h("form", { novalidate: true, method: "dialog" }));
  morphChildren(modal.firstElementChild, form);
  if (!modal.open) modal.showModal();
  if (view.id !== shown) modal.querySelector(".dialog-body :is(input, select, textarea, button)")?.focus();
  shown = view.id;
}

modal.addEventListener("submit", async (event) => {
  event.preventDefault();
  const view = store.views.at(-1);
  if (!view || busy) return;
  busy = true;
  paintModal();
  const answer = await ask("submit", { view_id: view.id, choices: choicesIn(modal) });
  busy = false;
  errors = answer.errors ?? {};
  trouble = answer.error ?? "";
  if (store.views.at(-1)?.id !== view.id) return;
  paintModal();
  modal.querySelector('[aria-invalid="true"]')?.focus();
});

modal.addEventListener("click", (event) => {
  const button = event.target.closest("[data-modal]");
  if (button) leave(button.dataset.modal === "clear");
});

modal.addEventListener("cancel", (event) => {
  if (event.target !== modal) return;
  event.preventDefault();
  leave(false);
});

async function leave(clear) {
  const view = store.views.at(-1);
  if (view) await ask("close", { view_id: view.id, clear });
}

// The strip under the banner: controls of whoever runs the sandbox. They belong to no Slack.

import { h, morphChildren } from "./dom.js";
import { ask, store } from "./store.js";

const at = (id) => document.getElementById(id);

/** Paint the controls, or nothing where there are none. */
export function paintControls() {
  at("controls").hidden = !store.controls.length;
  morphChildren(at("controls-buttons"), store.controls.map(({ id, label, hint, busy, said: told }) => h("span", { class: "control", "data-key": id },
    // Disabled by ARIA alone: a button that is really disabled would lose the keyboard's focus.
    h("button", { type: "button", class: "button", "data-control": id, "aria-disabled": String(busy), "aria-busy": String(busy), "aria-describedby": `hint-${id}` }, busy ? `${label}: under way…` : label),
    h("span", { class: told ? "sr" : "control-hint", id: `hint-${id}` }, hint))));
  const said = store.controls.filter((control) => control.said && !control.busy).map((control) => control.said).join(" ");
  if (at("controls-said").textContent !== said) at("controls-said").textContent = said; // else it is not read out again
}

at("controls").addEventListener("click", (event) => {
  const id = event.target.closest("[data-control]")?.dataset.control;
  if (!id || store.controls.find((control) => control.id === id)?.busy) return;
  ask("control", { id }).catch(() => {}); // how it ends, and that it failed, comes over the feed
});

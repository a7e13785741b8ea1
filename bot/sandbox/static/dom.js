// Building DOM nodes without ever parsing HTML, and patching them in place.

/** Make an element: attributes (false and null leave one out), then children (text stays text). */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    node.setAttribute(name, value === true ? "" : String(value));
  }
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(node, child);
    else if (isContent(child)) node.append(child);
  }
}

// Null, false and a count of 0 stand for nothing, so that `count && node` can be written.
const isContent = (child) => typeof child === "string" || child instanceof Node;

/** A line icon from path data on a 20 by 20 grid. */
export function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/** Make `old` equal to `fresh`, keeping every node that can stay, so that focus and scroll stay. */
export function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || key(old) !== key(fresh)) {
    old.replaceWith(fresh);
    return fresh;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return old;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) === value) continue;
    if (name === "style") old.style.cssText = value; // the page's policy forbids setting the attribute
    else old.setAttribute(name, value);
  }
  if (old.nodeName === "TEXTAREA") return old; // what was typed stays
  morphChildren(old, [...fresh.childNodes]);
  return old;
}

/** Make the children of `parent` equal to `wanted`, matching those that have a `data-key`. */
export function morphChildren(parent, wanted) {
  const fresh = wanted.flat(Infinity).filter(isContent).map((child) => (typeof child === "string" ? document.createTextNode(child) : child));
  const byKey = new Map();
  for (const child of parent.children) if (key(child)) byKey.set(key(child), child);
  // What is not wanted goes first: then little needs to be moved, and a moved node loses its focus.
  const wantedKeys = new Set(fresh.map(key).filter(Boolean));
  for (const [name, child] of byKey) if (!wantedKeys.has(name)) child.remove();
  let at = parent.firstChild;
  for (const next of fresh) {
    if (next === at) { at = at.nextSibling; continue; }
    const match = key(next) ? byKey.get(key(next)) : null;
    if (match && match !== at) {
      if (match !== next) morph(match, next);
      parent.insertBefore(match.isConnected ? match : next, at);
    } else if (match || (at && !key(at) && !key(next) && at.nodeName === next.nodeName)) {
      const following = at.nextSibling;
      morph(at, next);
      at = following;
    } else {
      parent.insertBefore(next, at);
    }
  }
  while (at) {
    const following = at.nextSibling;
    at.remove();
    at = following;
  }
}

function key(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null;
}

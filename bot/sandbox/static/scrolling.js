// Scrolling: a list stays at its end until the reader scrolls up; then a hint counts what is new.

const NEAR = 60; // pixels from the end that still count as being there

/** Watch over a scrolling list and its hint. */
export function pane(scroll, list, jump) {
  let stick = true;
  let top = 0;
  let missed = 0;
  const atEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR;
  const caughtUp = () => { missed = 0; jump.hidden = true; };

  function toEnd() {
    stick = true;
    caughtUp();
    scroll.scrollTop = scroll.scrollHeight;
  }

  jump.addEventListener("click", toEnd);
  scroll.addEventListener("scroll", () => {
    // Only the reader's own scrolling up lets go of the end; content that grows does not.
    if (atEnd()) { stick = true; caughtUp(); }
    else if (scroll.scrollTop < top) stick = false;
    top = scroll.scrollTop;
  }, { passive: true });
  new ResizeObserver(() => { if (stick) toEnd(); }).observe(list);

  return {
    list, toEnd,
    /** Change the list, and stay at its end if it was there. */
    patch(change) { change(); if (stick) toEnd(); },
    /** Start empty, at the end. */
    clear() { stick = true; caughtUp(); list.replaceChildren(); },
    /** Something new came in. */
    arrived() {
      if (stick) return;
      missed += 1;
      jump.textContent = missed === 1 ? "1 new message ↓" : `${missed} new messages ↓`;
      jump.hidden = false;
    },
  };
}

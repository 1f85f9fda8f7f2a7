// Whether somebody reads the rows: then they stay where they are.

/** After the list was scrolled, for a finger that is no pointer any more. */
const SCROLLED_MS = 3_000;

export class Reading {
  constructor(scroller) {
    this.scroller = scroller;
    this.isOver = false;
    this.scrolled = -Infinity;
    const over = (isOver) => ({ pointerType }) => { this.isOver = isOver && pointerType !== "touch"; };
    const rows = scroller.querySelector("#rows");
    rows.addEventListener("pointerenter", over(true));
    rows.addEventListener("pointerleave", over(false));
    scroller.addEventListener("scroll", () => { this.scrolled = performance.now(); }, { passive: true });
  }

  /** Why rows are to stay where they are, or nothing. */
  get why() {
    if (this.isOver) return "while the pointer is over the rows";
    // One that a mouse has left focused is not being looked at.
    if (this.scroller.querySelector(".row:focus-visible")) return "while a row is selected";
    return performance.now() - this.scrolled < SCROLLED_MS ? "while the list is scrolled" : "";
  }
}

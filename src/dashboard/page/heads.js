// The heads of the columns: a press sorts by one. They are reached by mouse, by finger, and from the first row by arrow.

/** The columns that rows are not sorted by. */
const PLAIN = new Set(["handle", "spark", "removes"]);

export class Heads {
  /** `columns` are `[key, label]`; `press(key)` is told of each press, `leave()` of who goes down to the rows. */
  constructor(element, columns, press, leave) {
    this.element = element;
    this.leave = leave;
    this.buttons = [];
    this.heads = columns.map(([key, label]) => this.make(key, label, press));
    element.addEventListener("keydown", (event) => this.onKey(event));
  }

  make(key, label, press) {
    const head = document.createElement("div");
    head.className = `cell ${key}`;
    head.setAttribute("role", "columnheader");
    if (key === "handle") head.setAttribute("aria-hidden", "true");
    if (key === "removes") head.setAttribute("aria-label", "Remove");
    this.element.append(head);
    if (PLAIN.has(key)) head.textContent = label;
    else this.makeButton(head, key, label, press);
    return { key, head };
  }

  makeButton(head, key, label, press) {
    const button = document.createElement("button");
    button.type = "button";
    button.tabIndex = -1;
    button.textContent = label;
    button.title = `Sort by ${label}`;
    button.addEventListener("click", () => press(key, label));
    head.append(button);
    this.buttons.push(button);
  }

  /** Says by which column rows are sorted. */
  show(sorting) {
    for (const { key, head } of this.heads) {
      if (PLAIN.has(key)) continue;
      const said = sorting.of(key);
      if (said === "none") head.removeAttribute("aria-sort");
      else head.setAttribute("aria-sort", said);
    }
  }

  /** Those that are within sight; on a phone some are not. */
  get reachable() {
    return this.buttons.filter((button) => button.offsetParent !== null);
  }

  focus() {
    const sorted = this.element.querySelector("[aria-sort] button");
    (sorted?.offsetParent ? sorted : this.reachable[0])?.focus();
  }

  onKey(event) {
    const buttons = this.reachable;
    const at = buttons.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (event.key === "ArrowDown") this.leave();
    else if (to !== undefined) buttons[Math.max(0, Math.min(to, buttons.length - 1))].focus();
    else return;
    event.preventDefault();
  }
}

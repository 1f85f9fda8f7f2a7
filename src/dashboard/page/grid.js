// The list by keyboard: one row is in the tab order, arrows move from row to row, and above the first one to the heads.

/** How far Page Up and Page Down go. */
const PAGE = 10;
/** Where a key is somebody else's. */
const OTHERS = "input, select, textarea, dialog, #detail, #heads, .row";

export class GridKeys {
  /** `actions`: open, remove and move, each told a symbol; leave where no row is left, and up from the first row. */
  constructor(body, actions) {
    this.body = body;
    this.actions = actions;
    this.symbol = null;
    body.addEventListener("keydown", (event) => this.onKey(event));
    body.addEventListener("focusin", (event) => this.rove(event.target.closest(".row")));
    body.addEventListener("click", (event) => this.onClick(event));
    document.addEventListener("keydown", (event) => this.onPageKey(event));
  }

  rowOf(symbol) {
    return [...this.body.children].find((row) => row.dataset.symbol === symbol);
  }

  /** Makes this the row that Tab comes to. */
  rove(row) {
    if (!row) return;
    for (const other of this.body.querySelectorAll(".row[tabindex='0']")) if (other !== row) other.tabIndex = -1;
    row.tabIndex = 0;
    this.symbol = row.dataset.symbol;
  }

  /** After rows came, went or moved there is still exactly one. */
  settle() {
    this.rove(this.rowOf(this.symbol) ?? this.body.firstElementChild);
  }

  focus(symbol) {
    const row = this.rowOf(symbol);
    this.rove(row);
    row?.focus();
  }

  onClick(event) {
    const row = event.target.closest(".row");
    if (!row) return;
    if (event.target.closest(".remove")) this.remove(row);
    else if (!event.target.closest(".handle")) this.actions.open(row.dataset.symbol);
  }

  /** The neighbour has the focus afterwards, and the search where there is none. */
  remove(row) {
    const neighbour = row.nextElementSibling ?? row.previousElementSibling;
    this.actions.remove(row.dataset.symbol);
    if (neighbour) this.focus(neighbour.dataset.symbol);
    else this.actions.leave();
  }

  /** Where no field has the focus an arrow selects the row that Tab would come to. */
  onPageKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) return;
    if (event.target.closest(OTHERS) || document.querySelector("dialog[open]")) return;
    const row = { Home: this.body.firstElementChild, End: this.body.lastElementChild }[event.key] ?? this.rowOf(this.symbol);
    if (!row) return;
    this.focus(row.dataset.symbol);
    event.preventDefault();
  }

  onKey(event) {
    const row = event.target.closest(".row");
    if (!row || event.ctrlKey || event.metaKey) return;
    const rows = [...this.body.children];
    const at = rows.indexOf(row);
    const symbol = row.dataset.symbol;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + PAGE, PageUp: at - PAGE, Home: 0, End: rows.length - 1 }[event.key];
    if (to !== undefined && event.altKey) {
      this.actions.move(symbol, Math.max(0, Math.min(to, rows.length - 1)));
      this.focus(symbol);
    } else if (event.key === "ArrowUp" && at === 0) this.actions.up();
    else if (to !== undefined) this.focus(rows[Math.max(0, Math.min(to, rows.length - 1))].dataset.symbol);
    else if (event.key === "Enter" || event.key === " ") this.actions.open(symbol);
    else if (event.key === "Delete" || event.key === "Backspace") this.remove(row);
    else return;
    event.preventDefault();
  }
}

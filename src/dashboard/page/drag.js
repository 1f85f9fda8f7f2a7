// Rows are put in order with mouse, pen or finger, by the handle at their beginning.

/** Row heights are all the same; asked for once when a drag begins. `isOff()`: rows are in another order than the list's own. */
export function makeSortable(body, onMove, isOff) {
  let drag = null;

  const place = (event) => {
    const by = Math.round((event.clientY - drag.from + drag.scroller.scrollTop - drag.scrolled) / drag.height);
    return Math.max(0, Math.min(drag.index + by, drag.rows.length - 1));
  };

  const end = () => {
    drag.row.classList.remove("dragged");
    drag.row.style.removeProperty("transform");
    drag.target?.classList.remove("before", "behind");
    drag = null;
  };

  body.addEventListener("pointerdown", (event) => {
    const row = event.target.closest(".handle")?.parentElement;
    if (!row || event.button !== 0 || isOff()) return;
    event.preventDefault();
    const rows = [...body.children];
    const scroller = body.closest("#scroller");
    drag = { row, rows, scroller, index: rows.indexOf(row), from: event.clientY, height: row.offsetHeight, scrolled: scroller.scrollTop, target: null };
    row.setPointerCapture(event.pointerId);
    row.classList.add("dragged");
  });

  body.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const by = event.clientY - drag.from + drag.scroller.scrollTop - drag.scrolled;
    drag.row.style.setProperty("transform", `translateY(${by}px)`);
    const to = place(event);
    const target = drag.rows[to];
    if (target === drag.target) return;
    drag.target?.classList.remove("before", "behind");
    drag.target = target;
    if (to !== drag.index) target.classList.add(to < drag.index ? "before" : "behind");
  });

  body.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { row, index } = drag;
    const to = place(event);
    end();
    if (to !== index) onMove(row.dataset.symbol, to);
  });

  body.addEventListener("pointercancel", () => drag && end());
}

// The search: a field with suggestions of what the server has. Enter takes a symbol or a pattern in.

import { covers, isPattern, problemOf } from "./list.js";
import { symbolsOfServer } from "./symbols.js";

const SHOWN_MAX = 12;

/** What fits a text: first names that begin with it, then those that hold it anywhere, whatever the case. */
export function suggestionsFor(text, symbols, most = SHOWN_MAX) {
  const wanted = text.toLowerCase();
  const [begins, holds] = [[], []];
  for (const symbol of symbols) {
    const at = symbol.toLowerCase().indexOf(wanted);
    if (at < 0) continue;
    (at === 0 || symbol[at - 1] === ":" ? begins : holds).push(symbol);
    if (begins.length >= most) break;
  }
  return [...begins, ...holds].slice(0, most);
}

export class Search {
  /** `add(entry)` says what is wrong with an entry, or nothing; `has(entry)` whether the list holds it. */
  constructor(input, box, add, has) {
    Object.assign(this, { input, box, add, has, options: [], at: -1, asked: 0 });
    input.addEventListener("input", () => this.suggest());
    input.addEventListener("focus", () => this.suggest());
    input.addEventListener("blur", () => this.hide());
    input.addEventListener("keydown", (event) => this.onKey(event));
    // Before the field loses the focus, and with it the suggestions.
    box.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) this.take(option.dataset.entry);
    });
  }

  async suggest() {
    const mine = ++this.asked;
    const text = this.input.value.trim();
    this.input.removeAttribute("aria-invalid");
    let symbols;
    try {
      symbols = await symbolsOfServer();
    } catch {
      symbols = [];
    }
    // Meanwhile somebody typed on, or left.
    if (mine !== this.asked || document.activeElement !== this.input) return;
    if (isPattern(text)) {
      const matched = symbols.filter((symbol) => covers(text, symbol));
      const count = matched.length === 1 ? "1 symbol now" : `${matched.length} symbols now`;
      this.show([{ entry: text, note: `pattern: ${count}` }]);
    } else {
      this.show(suggestionsFor(text, symbols).map((entry) => ({ entry, note: this.has(entry) ? "in the list" : "" })));
    }
  }

  show(suggestions) {
    this.options = suggestions.map(({ entry, note }, at) => {
      const option = document.createElement("li");
      option.id = `suggestion-${at}`;
      option.setAttribute("role", "option");
      option.dataset.entry = entry;
      const [name, aside] = [document.createElement("span"), document.createElement("small")];
      name.textContent = entry;
      aside.textContent = note;
      option.append(name, aside);
      return option;
    });
    this.box.replaceChildren(...this.options);
    this.box.hidden = this.options.length === 0;
    this.input.setAttribute("aria-expanded", String(!this.box.hidden));
    this.point(-1);
  }

  hide() {
    this.asked++;
    this.show([]);
  }

  point(at) {
    this.at = at;
    this.options.forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
    if (at < 0) return this.input.removeAttribute("aria-activedescendant");
    this.input.setAttribute("aria-activedescendant", this.options[at].id);
    this.options[at].scrollIntoView({ block: "nearest" });
  }

  onKey(event) {
    const count = this.options.length;
    if (event.key === "ArrowDown" && count > 0) this.point((this.at + 1) % count);
    else if (event.key === "ArrowUp" && count > 0) this.point((this.at + count - (this.at < 0 ? 0 : 1)) % count);
    else if (event.key === "Enter") this.take(this.chosen());
    else if (event.key === "Escape") this.leave();
    else return;
    event.preventDefault();
  }

  leave() {
    if (this.options.length > 0) return this.hide();
    this.input.value = "";
    this.input.blur();
  }

  /** What is pointed at; else what was typed, if it can be a symbol; else the first that fits. */
  chosen() {
    const typed = this.input.value.trim();
    if (this.at >= 0) return this.options[this.at].dataset.entry;
    return problemOf(typed) === "" || this.options.length === 0 ? typed : this.options[0].dataset.entry;
  }

  take(entry) {
    if (entry === "") return;
    const problem = this.add(entry);
    this.input.setAttribute("aria-invalid", String(problem !== ""));
    if (problem) return;
    this.input.value = "";
    this.hide();
  }
}

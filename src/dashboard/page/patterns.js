// The patterns of the list as chips, each with what the server said against it.

/** Chips stay as long as they say the same: somebody may be on one. */
export class Chips {
  /** `remove(pattern)` is told what a person does. */
  constructor(element, remove) {
    this.element = element;
    this.remove = remove;
    this.said = "";
  }

  /** `notes` are the server's words by pattern. */
  show(patterns, notes) {
    const said = JSON.stringify(patterns.map((pattern) => [pattern, notes.get(pattern)]));
    if (said === this.said) return;
    this.said = said;
    this.element.replaceChildren(...patterns.map((pattern) => this.make(pattern, notes.get(pattern))));
  }

  make(pattern, problem) {
    const [chip, name, button] = ["li", "span", "button"].map((tag) => document.createElement(tag));
    name.textContent = problem ? `${pattern} refused` : pattern;
    if (problem) {
      chip.dataset.state = "refused";
      chip.title = problem;
    }
    button.type = "button";
    button.textContent = "×";
    button.setAttribute("aria-label", `Remove the pattern ${pattern}`);
    button.addEventListener("click", () => this.remove(pattern));
    chip.append(name, button);
    return chip;
  }
}

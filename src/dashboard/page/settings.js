// The settings and the keys of the page: two dialogs.

import { ENCODINGS, PACES, THEMES } from "./storage.js";

const byId = (id) => document.getElementById(id);

function fill(select, values, chosen, label, onChoice) {
  select.replaceChildren(...values.map((value) => new Option(label(value), String(value))));
  select.value = String(chosen);
  select.addEventListener("change", () => onChoice(values[select.selectedIndex]));
}

/** Fills the dialog; a choice changes `settings`, has its effect and is remembered. */
export function bindSettings(settings, effects) {
  const choice = (name, effect) => (value) => {
    settings[name] = value;
    effects.remember();
    effect();
  };
  fill(byId("pace"), PACES, settings.intervalMs, (ms) => `every ${ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`}`, choice("intervalMs", effects.pace));
  fill(byId("encoding"), ENCODINGS, settings.encoding, String, choice("encoding", effects.encoding));
  fill(byId("theme"), THEMES, settings.theme, (theme) => (theme === "system" ? "as the system" : theme), choice("theme", effects.theme));
  byId("settings-open").addEventListener("click", () => byId("settings").showModal());
  byId("start-over").addEventListener("click", () => {
    byId("settings").close();
    effects.startOver();
  });
}

/** `/` searches and `?` lists the keys, wherever nobody is writing. */
export function bindKeys(search) {
  byId("keys-open").addEventListener("click", () => byId("keys").showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, dialog")) return;
    if (event.key === "/") search.focus();
    else if (event.key === "?") byId("keys").showModal();
    else return;
    event.preventDefault();
  });
}

// Who reads: a token where the server wants one, asked for in a form and kept as long as the tab is, for this page alone.

const KEY = "tickwire.token";
/** What can stand in a header. */
const TOKEN = /^[\x21-\x7e]{1,4096}$/;
/** Close codes that other credentials help against. */
const CREDENTIALS = new Set([4500, 4502]);
/** A server that stands still answers nothing. */
const ANSWER_MS = 3_000;

let token = read();

function read() {
  try {
    return sessionStorage.getItem(KEY) ?? undefined;
  } catch {
    // A browser that remembers nothing is one of nobody.
    return undefined;
  }
}

/** Begins anew as somebody else, or as nobody. */
function become(text) {
  if (text === undefined) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, text);
  location.reload();
}

/** The client's options of who reads. */
export const credentials = () => (token === undefined ? {} : { token });

/** What `fetch` takes, with who reads. */
export const asReader = (init = {}) => (token === undefined ? init : { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });

/** Waits until the server lets this page read; asks for a token where it does not. */
export async function admitted() {
  let answer;
  try {
    answer = await fetch("/v1/status", asReader({ signal: AbortSignal.timeout(ANSWER_MS) }));
    if (answer.status !== 401) return showButton((await answer.json()).identity);
  } catch {
    // The connection says what is the matter.
    return undefined;
  }
  const wasKnown = token !== undefined;
  token = undefined;
  askForToken(wasKnown ? "The token is unknown or has expired." : "");
  // The page begins anew with the token.
  return new Promise(() => {});
}

/** Asks again where a connection has ended for want of good credentials. */
export function lookAtEnd({ state, code, reason }) {
  if (state === "closed" && CREDENTIALS.has(code)) askForToken(`The server says: ${reason}.`);
}

/** A server that knows who reads is left, or told somebody else. */
function showButton(identity) {
  if (identity === undefined) return;
  const button = element("button", { type: "button", id: "who", textContent: token === undefined ? "Sign in" : "Sign out" });
  button.title = `The server knows this page as ${identity}`;
  button.addEventListener("click", () => (token === undefined ? askForToken("") : become(undefined)));
  document.querySelector("nav").append(button);
}

function askForToken(problem) {
  if (document.getElementById("signin")) return;
  const input = element("input", { type: "password", id: "token", required: true, autocomplete: "off", maxLength: 4_096 });
  const word = element("p", { className: "hint", id: "signin-problem", textContent: problem });
  word.setAttribute("role", "alert");
  const ends = element("div", { className: "ends" });
  ends.append(element("button", { textContent: "Sign in" }));
  const label = element("label", { textContent: "Token" });
  label.append(input);
  const form = element("form", { method: "dialog" });
  form.append(element("h2", { textContent: "Sign in" }), element("p", { textContent: "This server wants to know who reads." }), word, label, ends);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!TOKEN.test(text)) {
      word.textContent = "That is no token: it has characters that none has.";
      return;
    }
    try {
      become(text);
    } catch (error) {
      word.textContent = `This browser cannot keep the token: ${error.message}`;
    }
  });
  const dialog = element("dialog", { id: "signin" });
  dialog.append(form);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

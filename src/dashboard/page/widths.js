// Columns as wide as their longest text, and only as many as there is room for. Digits are all of one width, so texts are
// counted and nothing is measured; the size of the place is told by an observer.

/** Wider in steps, so that a digit more does not move the whole page. */
const STEP = 2;
/** Characters that every column has room for. */
const LEAST = 9;
/** Around a text, in pixels; and beside the columns: handle, symbol, sparkline, age, remove. */
const AROUND = 16;
const HANDLE = 18;
const SYMBOL = 170;
const SPARK = 104;
const AGE = 150;
const REMOVE = 30;
/** Narrower than this a row has two lines, or three where two prices and a third do not fit into one. */
const PHONE = 600;
/** Handle and remove of a phone's row; what is around a price there. */
const PHONE_BESIDE = 56;
const PHONE_AROUND = 14;
/** Prices beside one another, the last one's being larger. */
const ABREAST = 3.1;
const LAST_SIZE = 14;

/** What goes first where there is no room, and what goes with it. */
const LEAVING = [["lastSize"], ["bidSize", "askSize"], ["low", "high"], ["spread"], ["spark"], ["change"]];

export class Widths {
  constructor(list, keys) {
    this.list = list;
    this.keys = keys;
    this.of = new Map(keys.map((key) => [key, LEAST]));
    this.width = 0;
    const context = document.createElement("canvas").getContext("2d");
    const { fontSize, fontFamily } = getComputedStyle(list);
    context.font = `600 ${fontSize} ${fontFamily}`;
    this.digit = context.measureText("0000000000").width / 10;
    this.size = Number.parseFloat(fontSize);
    new ResizeObserver(([entry]) => {
      this.width = entry.contentRect.width;
      this.lay();
    }).observe(list.parentElement);
  }

  /** Makes room for a text of so many characters. */
  fit(key, length) {
    if (length <= this.of.get(key)) return;
    this.of.set(key, Math.ceil(length / STEP) * STEP);
    this.lay();
  }

  pixels(key) {
    return key === "spark" ? SPARK : Math.ceil(this.of.get(key) * this.digit) + AROUND;
  }

  /** Every digit of a price is to be seen: on lines of their own, and of a smaller type if need be. */
  layPhone() {
    const digits = Math.max(...["bidPrice", "askPrice", "lastPrice"].map((key) => this.of.get(key)));
    const place = this.width - PHONE_BESIDE;
    const widest = (size) => (digits * this.digit * size) / this.size + PHONE_AROUND;
    this.list.classList.toggle("tall", widest(LAST_SIZE) > place / ABREAST);
    this.list.style.setProperty("--two-abreast", `${Math.min(this.size, (this.size * (place / 2 - PHONE_AROUND)) / (digits * this.digit))}px`);
  }

  /** Chooses the columns and says where they stand. */
  lay() {
    if (this.width === 0) return;
    const isPhone = this.width < PHONE;
    this.list.classList.toggle("phone", isPhone);
    if (isPhone) this.layPhone();
    const gone = new Set();
    const shown = () => ["spark", ...this.keys].filter((key) => !gone.has(key));
    const needed = () => HANDLE + SYMBOL + AGE + REMOVE + shown().reduce((sum, key) => sum + this.pixels(key), 0);
    for (const keys of LEAVING) if (isPhone || needed() > this.width) keys.forEach((key) => gone.add(key));
    for (const key of LEAVING.flat()) this.list.classList.toggle(`no-${key}`, gone.has(key));
    const columns = shown().map((key) => (key === "spark" ? `${SPARK}px` : `minmax(${this.pixels(key)}px, 1fr)`));
    const all = [`${HANDLE}px`, `minmax(${SYMBOL}px, 1.6fr)`, ...columns, `minmax(${AGE}px, 1.2fr)`, `${REMOVE}px`];
    this.list.style.setProperty("--columns", all.join(" "));
    this.list.style.setProperty("min-width", isPhone ? "0" : `${needed()}px`);
  }
}

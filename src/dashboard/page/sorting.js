// In which order rows stand: the list's own, or by a column. Pure: no page in here.

/** Of two keys of one column; what has none comes last, whichever way it is sorted. */
function compare(a, b, sign) {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return a < b ? -sign : sign;
}

export class Sorting {
  constructor() {
    /** The column, or null for the list's own order. */
    this.key = null;
    this.isDown = false;
  }

  /** Asks for a column: first upwards, then downwards, then for the list's own order. */
  press(key) {
    if (this.key !== key) [this.key, this.isDown] = [key, false];
    else if (!this.isDown) this.isDown = true;
    else this.end();
  }

  end() {
    [this.key, this.isDown] = [null, false];
  }

  /** What a head says of its column, as `aria-sort` has it. */
  of(key) {
    if (this.key !== key) return "none";
    return this.isDown ? "descending" : "ascending";
  }

  /** The symbols in order; rows that are alike keep the list's own. */
  order(symbols, keyOf) {
    if (this.key === null) return symbols;
    const sign = this.isDown ? -1 : 1;
    const keyed = symbols.map((symbol) => ({ symbol, key: keyOf(symbol) }));
    return keyed.sort((a, b) => compare(a.key, b.key, sign)).map(({ symbol }) => symbol);
  }
}

/** What was shown in the order that it was, what is new behind it. */
export function held(shown, symbols) {
  const [wanted, known] = [new Set(symbols), new Set(shown)];
  return [...shown.filter((symbol) => wanted.has(symbol)), ...symbols.filter((symbol) => !known.has(symbol))];
}

/** The largest set of places that ascend already (patience sorting): those rows need not be moved. */
export function inOrder(places) {
  /** The end of the best run of each length, and what came before each place. */
  const ends = [];
  const before = new Map();
  for (const place of places) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle] < place) low = middle + 1;
      else high = middle;
    }
    ends[low] = place;
    before.set(place, ends[low - 1]);
  }
  const stay = new Set();
  for (let place = ends.at(-1); place !== undefined; place = before.get(place)) stay.add(place);
  return stay;
}

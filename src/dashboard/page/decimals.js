// What is computed of prices, exactly: integers in, texts out. No float takes part.

/** 100 * part / whole with two decimals, rounded half away from zero; empty where there is no whole. */
export function percentOf(part, whole) {
  if (whole === 0n) return "";
  let [above, below] = [part * 20_000n, whole * 2n];
  if (below < 0n) [above, below] = [-above, -below];
  const half = above < 0n ? -below / 2n : below / 2n;
  const hundredths = (above + half) / below;
  const digits = (hundredths < 0n ? -hundredths : hundredths).toString().padStart(3, "0");
  return `${hundredths < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** With its sign in front, also where it is a plus. */
export function signed(text) {
  return text === "" || text.startsWith("-") || /^[0.]*$/.test(text) ? text : `+${text}`;
}

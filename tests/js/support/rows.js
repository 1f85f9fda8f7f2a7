// What must be equal between a client that has caught up and the server's `/v1/snapshot`: every field of every instrument.

export const FIELDS = [
  ["bidPrice", "bid_price"], ["bidSize", "bid_size"], ["askPrice", "ask_price"], ["askSize", "ask_size"],
  ["lastPrice", "last_price"], ["lastSize", "last_size"], ["volume", "volume"], ["open", "open"], ["high", "high"],
  ["low", "low"], ["tradeCount", "trade_count"], ["lastSide", "last_side"],
];

/** A client's instruments by symbol; complete in itself, so that a page can be given it as text. */
export function rowsOf(client, fields = FIELDS) {
  const rows = {};
  for (const instrument of client) {
    const { price, size, volume } = instrument.decimals;
    const values = fields.map(([name]) => [name, instrument.text(name)]).filter(([, text]) => text !== undefined);
    rows[instrument.symbol] = {
      decimals: [price, size, volume],
      values: Object.fromEntries(values),
      updateCount: instrument.updateCount,
      state: instrument.state,
      cause: instrument.cause,
      venue: instrument.venueState,
    };
  }
  return rows;
}

/** The same of `/v1/snapshot`, read without the client's code. */
export async function rowsAt(server, symbols) {
  const { snapshot } = await server.json(`/v1/snapshot?symbols=${encodeURIComponent(symbols)}`);
  const venues = Object.fromEntries((snapshot.venues ?? []).map(({ name, state }) => [name, state]));
  const rows = {};
  const byId = new Map();
  for (const { id, symbol, price_decimals = 0, size_decimals = 0, volume_decimals = 0 } of snapshot.instruments ?? []) {
    rows[symbol] = { decimals: [price_decimals, size_decimals, volume_decimals], values: {}, updateCount: 0 };
    byId.set(id, rows[symbol]);
  }
  for (const ticker of snapshot.tickers ?? []) {
    const row = byId.get(ticker.id);
    for (const [name, key] of FIELDS) if (ticker[key] !== undefined) row.values[name] = String(ticker[key]);
    row.updateCount = ticker.update_count ?? 0;
    row.state = ticker.state;
    row.cause = ticker.cause;
  }
  for (const [symbol, row] of Object.entries(rows)) row.venue = venues[symbol.slice(0, symbol.indexOf(":"))];
  return { rows, seq: snapshot.seq ?? 0, epoch: snapshot.epoch, venues };
}

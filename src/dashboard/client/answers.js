// What callers wait for: the answers to `subscribe` and `configure`.
// @ts-check

/**
 * @typedef {import("./subscription.js").Subscription} Subscription
 * @typedef {{ intervalMs: number, window: number }} Pace
 * @typedef {{ resolve: (pace: Pace) => void, reject: (error: Error) => void }} Waiting
 */

export class Answers {
  #view;
  /** @type {Set<Subscription>} */
  #subscriptions = new Set();
  /** @type {Waiting[]} */
  #configuring = [];

  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.#view = view;
  }

  /** @param {Subscription} subscription */
  add(subscription) {
    this.#subscriptions.add(subscription);
  }

  /** The server refused a symbol. @param {import("./client.d.ts").Rejected} rejected */
  rejected(rejected) {
    for (const subscription of this.#subscriptions) subscription.rejected(rejected);
  }

  /**
   * Answers the subscriptions of which everything is known now.
   * @param {import("./subscription.js").TickwireError} [error] for strings that are gone
   */
  settle(error) {
    for (const subscription of this.#subscriptions) {
      if (subscription.settle(this.#view, error)) this.#subscriptions.delete(subscription);
    }
  }

  /** The caller has ended what it had asked for. @param {import("./handover.js").Reader} reader @param {Error} error */
  ended(reader, error) {
    for (const subscription of this.#subscriptions) {
      if (!subscription.isOf(reader)) continue;
      subscription.fail(error);
      this.#subscriptions.delete(subscription);
    }
  }

  get isConfiguring() {
    return this.#configuring.length > 0;
  }

  /** The next pace that the server grants. @returns {Promise<Pace>} */
  pace() {
    return new Promise((resolve, reject) => {
      this.#configuring.push({ resolve, reject });
    });
  }

  /** @param {Pace} pace */
  granted(pace) {
    for (const { resolve } of this.#configuring.splice(0)) resolve(pace);
  }

  /** The server refused the pace. @param {Error} error */
  refused(error) {
    for (const { reject } of this.#configuring.splice(0)) reject(error);
  }

  /** No answer will come any more. @param {Error} error */
  closed(error) {
    for (const subscription of this.#subscriptions) subscription.fail(error);
    this.#subscriptions.clear();
    this.refused(error);
  }
}

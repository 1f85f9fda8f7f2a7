// What is made is what the contract says: compiled, never run.
import type * as contract from "tickwire-client";
import * as made from "../../src/dashboard/client/tickwire.js";

// Listeners are typed in the contract alone.
type Methods = Omit<contract.Client, "addEventListener" | "removeEventListener">;

export const connect: (...given: Parameters<typeof contract.connect>) => Methods = made.connect;
export const formatDecimal: typeof contract.formatDecimal = made.formatDecimal;
export const checkPattern: typeof contract.checkPattern = made.checkPattern;
export const isError = (error: made.TickwireError): contract.TickwireError => error;

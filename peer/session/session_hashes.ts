/**
 * The hash messages of a session (BEP 52).
 *
 * @module
 */
import {
  ANSWER_SEND_WATERMARK,
  MAX_HASH_LAYERS,
  MAX_HASH_REQUEST_LENGTH,
} from "../limits.ts";
import { HashExchange } from "./hash_exchange.ts";
import type {
  HashesMessage,
  HashRange,
  HashRequestMessage,
} from "../message.ts";
import type { PeerCounters } from "./peer_stats.ts";
import type { SessionPort } from "../session_types.ts";

/** Most hashes of an answer of ours. */
const MAX_HASHES_SENT = MAX_HASH_REQUEST_LENGTH + MAX_HASH_LAYERS;

/** Hash requests in both directions. */
export class HashSide {
  readonly #port: SessionPort;
  readonly #counters: PeerCounters;
  readonly #exchange = new HashExchange();

  constructor(port: SessionPort, counters: PeerCounters) {
    this.#port = port;
    this.#counters = counters;
  }

  request(range: HashRange, now: number): boolean {
    if (!this.#exchange.ask(range)) return false;
    this.#port.send({ ...range, type: "hash-request" }, now);
    return true;
  }

  reply(
    range: HashRange,
    hashes: Uint8Array | undefined,
    now: number,
  ): boolean {
    if (!this.#exchange.settle(range)) return false;
    this.#port.send(
      hashes === undefined
        ? { ...range, type: "hash-reject" }
        : { ...range, type: "hashes", hashes },
      now,
    );
    return true;
  }

  onMessage(message: HashRequestMessage | HashesMessage, now: number): void {
    const range: HashRange = {
      piecesRoot: message.piecesRoot.slice(),
      baseLayer: message.baseLayer,
      index: message.index,
      length: message.length,
      proofLayers: message.proofLayers,
    };
    if (message.type === "hash-request") {
      const room = ANSWER_SEND_WATERMARK - 32 * MAX_HASHES_SENT;
      if (this.#port.bufferedBytes <= room && this.#exchange.owe(range)) {
        this.#port.emit({ type: "hash-request", range });
      } else this.#port.send({ ...range, type: "hash-reject" }, now);
    } else if (message.type === "hashes") {
      const { hashes } = message;
      if (this.#exchange.answer(range, hashes.length)) {
        this.#port.emit({ type: "hashes", range, hashes });
      } else this.#counters.wasted += hashes.length;
    } else if (this.#exchange.answer(range)) {
      this.#port.emit({ type: "hash-reject", range });
    }
  }
}

/**
 * One handshake as a pure machine, in either direction.
 *
 * @module
 */
import type { Machine } from "../_shared/machine.ts";
import { failure, HandshakeError } from "./error.ts";
import {
  encodeHandshake,
  HandshakeDecoder,
  type HandshakeFields,
  type HandshakeHead,
  type HandshakeMessage,
} from "./message.ts";

/**
 * Decides what a machine does not know: whether a torrent is ours, what to
 * answer, which peers are welcome. Called at most once each.
 */
export interface HandshakePolicy {
  /**
   * Judges protocol, extensions and info-hash.
   *
   * @param head What the other side told.
   * @returns An error to refuse; inbound otherwise the answer to send (needed),
   * outbound `undefined`.
   */
  onHead(head: HandshakeHead): HandshakeFields | HandshakeError | undefined;
  /**
   * Judges the whole handshake.
   *
   * @param message What the other side told.
   * @returns An error to refuse.
   */
  onMessage(message: HandshakeMessage): HandshakeError | undefined;
}

/** Options of {@linkcode HandshakeMachine}. */
export interface HandshakeMachineOptions {
  /** What we say first: given for outbound, absent for inbound. */
  readonly opening?: HandshakeFields | undefined;
  /** Protocol strings that are let in. */
  readonly protocols: readonly string[] | "any";
  /** Decides. */
  readonly policy: HandshakePolicy;
  /** When the handshake started, in ms. */
  readonly startedAt: number;
  /** How long it may take, in ms. */
  readonly timeoutMs: number;
}

/** What happens to a {@linkcode HandshakeMachine}. */
export type HandshakeInput =
  | { readonly type: "data"; readonly data: Uint8Array }
  | { readonly type: "end"; readonly cause?: unknown };

/** Outputs of a {@linkcode HandshakeMachine}; nothing follows the last two. */
export type HandshakeOutput =
  | { readonly type: "send"; readonly data: Uint8Array }
  | {
    readonly type: "complete";
    /** What the other side told. */
    readonly message: HandshakeMessage;
    /** What we told. */
    readonly sent: HandshakeFields;
  }
  | { readonly type: "fail"; readonly error: HandshakeError };

/**
 * One handshake. Outbound it speaks first and checks the answer; inbound it
 * stays silent until the info-hash arrived and was accepted, so that strangers
 * learn nothing.
 */
export class HandshakeMachine
  implements Machine<HandshakeInput, HandshakeOutput> {
  readonly #decoder: HandshakeDecoder;
  readonly #policy: HandshakePolicy;
  readonly #inbound: boolean;
  readonly #outputs: HandshakeOutput[] = [];
  #sent: HandshakeFields | undefined;
  #headSeen = false;
  /** Whether the handshake is complete or has failed. */
  over = false;
  readonly #expiresAt: number;

  /**
   * Starts a handshake.
   *
   * @param options See {@linkcode HandshakeMachineOptions}.
   * @throws {RangeError} If the opening cannot be encoded.
   */
  constructor(options: HandshakeMachineOptions) {
    const { opening, protocols, policy, startedAt, timeoutMs } = options;
    this.#decoder = new HandshakeDecoder({ protocols });
    this.#policy = policy;
    this.#inbound = opening === undefined;
    this.#expiresAt = startedAt + timeoutMs;
    if (opening !== undefined) this.#send(opening);
  }

  /** How many bytes may be read without reading past the handshake. */
  get needed(): number {
    return this.over ? 0 : this.#decoder.needed;
  }

  /** When it takes too long, in ms; `undefined` once it is over. */
  get deadline(): number | undefined {
    return this.over ? undefined : this.#expiresAt;
  }

  /**
   * Takes bytes, or the end of the connection.
   *
   * @param input What happened.
   * @param _now The time in ms.
   */
  handle(input: HandshakeInput, _now: number): void {
    if (this.over) return;
    if (input.type === "end") {
      const { cause } = input;
      return this.#fail(failure("connection-lost", undefined, { cause }));
    }
    try {
      this.#take(input.data);
    } catch (error) {
      if (!(error instanceof HandshakeError)) throw error;
      this.#fail(error);
    }
  }

  /**
   * Takes the next output.
   *
   * @returns What to do, or `undefined`.
   */
  poll(): HandshakeOutput | undefined {
    return this.#outputs.shift();
  }

  /**
   * Fails the handshake when its time is over.
   *
   * @param now The time in ms.
   */
  handleTimeout(now: number): void {
    if (!this.over && now >= this.#expiresAt) {
      this.#fail(failure("handshake-timeout"));
    }
  }

  #take(data: Uint8Array): void {
    this.#decoder.push(data);
    const { head, message } = this.#decoder;
    if (head !== undefined && !this.#headSeen) {
      this.#headSeen = true;
      const answer = this.#policy.onHead(head);
      if (answer instanceof HandshakeError) return this.#fail(answer);
      if (this.#inbound) {
        if (answer === undefined) {
          throw new TypeError("Cannot answer: the policy gave no answer");
        }
        this.#send(answer);
      }
    }
    if (message === undefined) return;
    const error = this.#policy.onMessage(message);
    if (error !== undefined) return this.#fail(error);
    this.#finish({ type: "complete", message, sent: this.#sent! });
  }

  #send(fields: HandshakeFields): void {
    this.#sent = fields;
    this.#outputs.push({ type: "send", data: encodeHandshake(fields) });
  }

  #fail(error: HandshakeError): void {
    this.#finish({ type: "fail", error });
  }

  #finish(output: HandshakeOutput): void {
    this.over = true;
    this.#outputs.push(output);
  }
}

/**
 * Message Stream Encryption as a pure machine, in either direction.
 *
 * @module
 */
import {
  concatBytes,
  encodeText,
  equalBytes,
  readUint32,
  toByteString,
} from "../../_shared/bytes.ts";
import type { Machine } from "../../_shared/machine.ts";
import {
  randomBytes,
  randomInt,
  type RandomSource,
} from "../../_shared/random.ts";
import { sha1 } from "../../_shared/sha1.ts";
import { HandshakeError } from "../error.ts";
import type { HandshakeInput } from "../handshake_machine.ts";
import { MSE_KEY_LENGTH, MseKeyPair } from "./key_exchange.ts";
import { Rc4 } from "./rc4.ts";

/** What the payload may travel in after the exchange. */
export type MseMethod = "plaintext" | "rc4";

/** Bits of crypto_provide and crypto_select. */
const METHOD_BITS: Readonly<Record<MseMethod, number>> = {
  plaintext: 1,
  rc4: 2,
};

const MAX_PAD = 512;
const HASH_LENGTH = 20;
/** Length of the verification constant, which is all zeros. */
const VC_LENGTH = 8;
/** The longest initial payload that is taken: a handshake. */
const MAX_INITIAL_PAYLOAD = 68;
/** Bytes of each key stream that are never used. */
const DISCARD = 1024;

const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** What both directions of {@linkcode MseMachine} need. */
export interface MseCommonOptions {
  /** Methods that are offered or accepted; at least one. */
  readonly methods: readonly MseMethod[];
  /** Source of the private key and of the pads. */
  readonly random: RandomSource;
  /** When the exchange started, in ms. */
  readonly startedAt: number;
  /** How long it may take, in ms. */
  readonly timeoutMs: number;
  /** Bytes of the private key; fewer are for millions of tries. @default {20} */
  readonly privateKeyLength?: number | undefined;
}

/** Options of an {@linkcode MseMachine} that speaks first. */
export interface OutboundMseOptions extends MseCommonOptions {
  readonly direction: "outbound";
  /** The torrent's 20-byte hash, the shared key. */
  readonly infoHash: Uint8Array;
  /** Sent along with the key: nothing, or exactly the handshake. */
  readonly initialPayload: Uint8Array;
}

/** Options of an {@linkcode MseMachine} that answers. */
export interface InboundMseOptions extends MseCommonOptions {
  readonly direction: "inbound";
  /** First bytes of handshakes that are not encrypted. */
  readonly headers: readonly Uint8Array[];
  /** Whether these are accepted. */
  readonly plainAllowed: boolean;
  /** Asked once before keys are computed; `false` when there are too many. */
  readonly admit: () => boolean;
  /** Finds the 20-byte info-hash whose `SHA-1("req2" + infoHash)` this is. */
  readonly findInfoHash: (hash: Uint8Array) => Uint8Array | undefined;
}

/** Options of {@linkcode MseMachine}. */
export type MseMachineOptions = OutboundMseOptions | InboundMseOptions;

/** Both key streams, where the payload is encrypted. */
export interface MseCiphers {
  /** For what is sent. */
  readonly outgoing: Rc4;
  /** For what is received. */
  readonly incoming: Rc4;
}

/** What an {@linkcode MseMachine} wants done; nothing follows the last two. */
export type MseOutput =
  | { readonly type: "send"; readonly data: Uint8Array<ArrayBuffer> }
  | {
    readonly type: "complete";
    /** Ciphers for the rest of the connection; absent where it is plain. */
    readonly ciphers?: MseCiphers;
    /** Whether keys were exchanged; not so when the peer began in the clear. */
    readonly exchanged: boolean;
    /** Payload that came along already, in the clear. */
    readonly payload: Uint8Array<ArrayBuffer>;
  }
  | { readonly type: "fail"; readonly error: HandshakeError };

/** The output of a machine that ended well. */
export type MseComplete = Extract<MseOutput, { type: "complete" }>;

/** Waits for more bytes; the number says how many may be read at most. */
type Step<T = void> = Generator<number, T, void>;

const PLAIN_HEADER = encodeText("\x13BitTorrent protocol");
const KEY_A = encodeText("keyA");
const KEY_B = encodeText("keyB");
const REQ1 = encodeText("req1");
const REQ2 = encodeText("req2");
const REQ3 = encodeText("req3");

/**
 * What an info-hash is called in an encrypted handshake.
 *
 * @param infoHash 20 bytes.
 * @returns 20 bytes.
 */
export function mseTorrentHash(infoHash: Uint8Array): Uint8Array {
  return sha1(concatBytes([REQ2, infoHash]));
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(a, (byte, i) => byte ^ b[i]!);
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255);
}

/**
 * One exchange of keys, after which the connection is plain or RC4. It reads
 * no byte that it could not need: {@linkcode MseMachine.needed} is the bound.
 */
export class MseMachine implements Machine<HandshakeInput, MseOutput> {
  readonly #options: MseMachineOptions;
  readonly #expiresAt: number;
  readonly #outputs: MseOutput[] = [];
  readonly #steps: Step;
  /** Whether we said which torrent it is about. */
  #isNamed = false;
  #buffer: Uint8Array<ArrayBuffer> = NO_BYTES;
  /** How many bytes may be read now; 0 when it is over. */
  needed = 0;

  /**
   * Starts an exchange; outbound it speaks first.
   *
   * @param options See {@linkcode MseMachineOptions}.
   */
  constructor(options: MseMachineOptions) {
    this.#options = options;
    this.#expiresAt = options.startedAt + options.timeoutMs;
    this.#steps = options.direction === "outbound"
      ? this.#call(options.infoHash, options.initialPayload)
      : this.#answer(options);
    this.#advance();
  }

  /** Whether it is complete or has failed. */
  get over(): boolean {
    return this.needed === 0;
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
      const message = `Cannot agree on encryption: ${
        this.#isNamed
          ? "the peer disconnected when it saw the info-hash; it may not have this torrent"
          : "the connection was lost"
      }`;
      const { cause } = input;
      return this.#fail(
        new HandshakeError("connection-lost", message, { cause }),
      );
    }
    this.#buffer = concatBytes([this.#buffer, input.data]);
    this.#advance();
  }

  /**
   * Takes the next output.
   *
   * @returns What to do, or `undefined`.
   */
  poll(): MseOutput | undefined {
    return this.#outputs.shift();
  }

  /**
   * Fails the exchange when its time is over.
   *
   * @param now The time in ms.
   */
  handleTimeout(now: number): void {
    if (this.over || now < this.#expiresAt) return;
    this.#fail(
      new HandshakeError(
        "handshake-timeout",
        "Cannot agree on encryption: the peer took too long",
      ),
    );
  }

  #advance(): void {
    try {
      const { value, done } = this.#steps.next();
      if (!done) this.needed = value;
    } catch (error) {
      if (!(error instanceof HandshakeError)) throw error;
      this.#fail(error);
    }
  }

  *#call(infoHash: Uint8Array, payload: Uint8Array): Step {
    const keys = this.#sendKey();
    if (yield* this.#isPlain([PLAIN_HEADER])) {
      throw this.#broken("it answered in the clear");
    }
    const secret = this.#secret(keys, yield* this.#take(MSE_KEY_LENGTH));
    const { outgoing, incoming } = this.#ciphers(secret, infoHash);
    const rest = concatBytes([
      new Uint8Array(VC_LENGTH),
      new Uint8Array(3),
      Uint8Array.of(this.#bits),
      this.#pad(),
      uint16(payload.length),
      payload,
    ]);
    outgoing.process(rest);
    const name = xor(
      mseTorrentHash(infoHash),
      this.#hash(REQ3, secret),
    );
    this.#send(this.#hash(REQ1, secret), name, rest);
    this.#isNamed = true;

    // The peer's zeros, as its key stream turns them out.
    const constant = new Uint8Array(VC_LENGTH);
    incoming.process(constant);
    yield* this.#synchronize(constant);
    const select = readUint32(yield* this.#take(4, incoming), 0);
    const method = this.#options.methods.find((name) =>
      METHOD_BITS[name] === select
    );
    if (method === undefined) {
      throw this.#broken(`it chose method ${select}, which was not offered`);
    }
    yield* this.#skipPad(incoming);
    this.#complete(method, { outgoing, incoming }, NO_BYTES);
  }

  *#answer(options: InboundMseOptions): Step {
    if (yield* this.#isPlain(options.headers)) {
      if (!options.plainAllowed) throw this.#refused("it is not encrypted");
      return this.#finish({
        type: "complete",
        exchanged: false,
        payload: this.#buffer,
      });
    }
    if (!options.admit()) {
      throw new HandshakeError(
        "overloaded",
        "Cannot agree on encryption: too many peers want it",
      );
    }
    const theirs = yield* this.#take(MSE_KEY_LENGTH);
    const secret = this.#secret(this.#sendKey(), theirs);
    yield* this.#synchronize(this.#hash(REQ1, secret));
    const name = yield* this.#take(HASH_LENGTH);
    const infoHash = options.findInfoHash(xor(name, this.#hash(REQ3, secret)));
    if (infoHash === undefined) {
      throw new HandshakeError(
        "unknown-info-hash",
        "Cannot agree on encryption: we have no torrent with this info-hash",
      );
    }
    const { outgoing, incoming } = this.#ciphers(secret, infoHash);
    const constant = yield* this.#take(VC_LENGTH, incoming);
    if (constant.some((byte) => byte !== 0)) {
      throw this.#broken("its verification constant is wrong");
    }
    const offered = readUint32(yield* this.#take(4, incoming), 0);
    yield* this.#skipPad(incoming);
    const length = yield* this.#uint16(incoming);
    if (length > MAX_INITIAL_PAYLOAD) {
      throw this.#broken(`its initial payload has ${length} bytes`);
    }
    const payload = yield* this.#take(length, incoming);
    // Plaintext costs nothing, so it goes first where both sides allow it.
    const method = (["plaintext", "rc4"] as const).find((name) =>
      this.#bits & offered & METHOD_BITS[name]
    );
    if (method === undefined) {
      throw this.#refused("it offers no method that is accepted");
    }
    const reply = concatBytes([
      new Uint8Array(VC_LENGTH),
      new Uint8Array(3),
      Uint8Array.of(METHOD_BITS[method]),
      this.#pad(),
    ]);
    outgoing.process(reply);
    this.#send(reply);
    this.#complete(method, { outgoing, incoming }, payload);
  }

  get #bits(): number {
    return this.#options.methods.reduce(
      (bits, name) => bits | METHOD_BITS[name],
      0,
    );
  }

  /** Sends our public key and some random bytes. */
  #sendKey(): MseKeyPair {
    const { random, privateKeyLength } = this.#options;
    const keys = new MseKeyPair(random, privateKeyLength);
    const pad = randomBytes(random, randomInt(random, MAX_PAD + 1));
    this.#send(keys.publicKey, pad);
    return keys;
  }

  #secret(keys: MseKeyPair, theirs: Uint8Array): Uint8Array {
    const secret = keys.secretWith(theirs);
    if (secret === undefined) throw this.#broken("its key leaves no secret");
    return secret;
  }

  #ciphers(secret: Uint8Array, infoHash: Uint8Array): MseCiphers {
    const a = new Rc4(this.#hash(KEY_A, secret, infoHash), DISCARD);
    const b = new Rc4(this.#hash(KEY_B, secret, infoHash), DISCARD);
    return this.#options.direction === "outbound"
      ? { outgoing: a, incoming: b }
      : { outgoing: b, incoming: a };
  }

  #hash(...parts: Uint8Array[]): Uint8Array {
    return sha1(concatBytes(parts));
  }

  /** A pad of random length with its length in front. Its bytes are zeros. */
  #pad(): Uint8Array {
    const length = randomInt(this.#options.random, MAX_PAD + 1);
    return concatBytes([uint16(length), new Uint8Array(length)]);
  }

  /** Waits for an exact number of bytes, which may be encrypted. */
  *#take(length: number, cipher?: Rc4): Step<Uint8Array<ArrayBuffer>> {
    while (this.#buffer.length < length) yield length - this.#buffer.length;
    const bytes = this.#buffer.slice(0, length);
    this.#buffer = this.#buffer.slice(length);
    cipher?.process(bytes);
    return bytes;
  }

  *#uint16(cipher: Rc4): Step<number> {
    const bytes = yield* this.#take(2, cipher);
    return bytes[0]! << 8 | bytes[1]!;
  }

  *#skipPad(cipher: Rc4): Step {
    const length = yield* this.#uint16(cipher);
    if (length > MAX_PAD) throw this.#broken(`its pad has ${length} bytes`);
    yield* this.#take(length, cipher);
  }

  /** Finds a mark behind at most 512 bytes of padding, in the ciphertext. */
  *#synchronize(mark: Uint8Array): Step {
    const limit = MAX_PAD + mark.length;
    for (let from = 0;;) {
      const seen = this.#buffer.subarray(0, limit);
      const at = toByteString(seen.subarray(from)).indexOf(toByteString(mark));
      if (at >= 0) {
        this.#buffer = this.#buffer.slice(from + at + mark.length);
        return;
      }
      if (seen.length === limit) {
        throw this.#broken("its padding does not end");
      }
      from = Math.max(0, seen.length - mark.length + 1);
      yield limit - seen.length;
    }
  }

  /** Compares with headers as far as they go; takes nothing. */
  *#isPlain(headers: readonly Uint8Array[]): Step<boolean> {
    while (true) {
      const have = this.#buffer.length;
      const open = headers.filter((header) =>
        equalBytes(
          header.subarray(0, have),
          this.#buffer.subarray(0, header.length),
        )
      );
      if (open.length === 0) return false;
      const missing = Math.min(...open.map(({ length }) => length)) - have;
      if (missing <= 0) return true;
      yield missing;
    }
  }

  #refused(reason: string): HandshakeError {
    return new HandshakeError(
      "encryption-refused",
      `Cannot accept the connection: ${reason}`,
    );
  }

  #broken(reason: string): HandshakeError {
    return new HandshakeError(
      "encryption-failed",
      `Cannot agree on encryption: the peer does not follow the protocol: ${reason}`,
    );
  }

  #send(...parts: Uint8Array[]): void {
    this.#outputs.push({ type: "send", data: concatBytes(parts) });
  }

  #complete(
    method: MseMethod,
    ciphers: MseCiphers,
    initial: Uint8Array,
  ): void {
    if (method === "rc4") ciphers.incoming.process(this.#buffer);
    this.#finish({
      type: "complete",
      exchanged: true,
      payload: concatBytes([initial, this.#buffer]),
      ...(method === "rc4" ? { ciphers } : {}),
    });
  }

  #fail(error: HandshakeError): void {
    this.#finish({ type: "fail", error });
  }

  #finish(output: MseOutput): void {
    this.needed = 0;
    this.#buffer = NO_BYTES;
    this.#outputs.push(output);
  }
}

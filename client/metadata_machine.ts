/**
 * Fetches the info dictionary of a magnet link from several peers at once
 * (BEP 9). Pure: peers, time and the hash check come in, requests go out.
 *
 * @module
 */
import { concatBytes } from "../_shared/bytes.ts";
import { type Machine, TimerTable } from "../_shared/machine.ts";

/** Size of a metadata piece (BEP 9). */
export const METADATA_PIECE_SIZE = 16384;
/** Largest info dictionary fetched by default. */
export const MAX_METADATA_SIZE = 16 * 1024 * 1024;
/** Requests a peer may owe us. */
const MAX_OUTSTANDING = 4;
/** After this time another peer is asked as well. */
const REQUEST_TIMEOUT_MS = 5_000;
/** A peer that rejected is asked again after this time. */
const REJECT_BACKOFF_MS = 20_000;
/** A request goes out to this many peers before one is given up. */
const MAX_TIMEOUTS = 4;

/** Inputs of {@linkcode MetadataMachine}. */
export type MetadataInput =
  | {
    readonly type: "peer";
    /** Who offers metadata. */
    readonly peer: number;
    /** The whole size it claims. */
    readonly size: number;
  }
  | {
    readonly type: "data";
    readonly peer: number;
    readonly piece: number;
    readonly totalSize: number | undefined;
    /** Copied by the machine. */
    readonly data: Uint8Array;
  }
  | { readonly type: "reject"; readonly peer: number; readonly piece: number }
  | { readonly type: "gone"; readonly peer: number };

/** Outputs of {@linkcode MetadataMachine}. */
export type MetadataOutput =
  | { readonly type: "request"; readonly peer: number; readonly piece: number }
  | { readonly type: "drop"; readonly peer: number; readonly reason: string }
  | { readonly type: "done"; readonly infoBytes: Uint8Array };

/** Options of {@linkcode MetadataMachine}. */
export interface MetadataMachineOptions {
  /** Whether the bytes hash to the info-hash. */
  readonly verify: (infoBytes: Uint8Array) => boolean;
  /** Largest size accepted, in bytes. @default {16777216} */
  readonly maxSize?: number | undefined;
}

interface Supplier {
  readonly size: number;
  /** Piece to the time it was asked for. */
  readonly outstanding: Map<number, number>;
  notBefore: number;
  timeouts: number;
}

/** What is known of the dictionary, for one claimed size. */
interface Assembly {
  readonly size: number;
  readonly pieces: Map<number, { data: Uint8Array; peer: number }>;
  heldBytes: number;
}

/**
 * Downloads and checks an info dictionary. When pieces of several peers fail
 * the check together, each peer is asked for the whole alone, so that a liar
 * cannot spoil what others send.
 */
export class MetadataMachine implements Machine<MetadataInput, MetadataOutput> {
  readonly #verify: (infoBytes: Uint8Array) => boolean;
  readonly #maxSize: number;
  readonly #suppliers = new Map<number, Supplier>();
  readonly #assemblies = new Map<number, Assembly>();
  readonly #outputs: MetadataOutput[] = [];
  readonly #timers = new TimerTable<"tick">();
  /** Set after a mixed failure: only this peer is asked. */
  #solo: number | undefined;
  #mixedFailed = false;
  #done = false;

  /**
   * Makes a machine without peers.
   *
   * @param options See {@linkcode MetadataMachineOptions}.
   */
  constructor(options: MetadataMachineOptions) {
    this.#verify = options.verify;
    this.#maxSize = options.maxSize ?? MAX_METADATA_SIZE;
  }

  /** Whether the dictionary has been handed out. */
  get done(): boolean {
    return this.#done;
  }

  /** When {@linkcode handleTimeout} wants to be called. */
  get deadline(): number | undefined {
    return this.#done ? undefined : this.#timers.deadline;
  }

  /**
   * Takes one input.
   *
   * @param input What happened.
   * @param now The time in milliseconds.
   */
  handle(input: MetadataInput, now: number): void {
    if (this.#done) return;
    switch (input.type) {
      case "peer":
        this.#add(input.peer, input.size);
        break;
      case "data":
        this.#data(input.peer, input.piece, input.totalSize, input.data);
        break;
      case "reject": {
        const supplier = this.#suppliers.get(input.peer);
        if (supplier?.outstanding.delete(input.piece)) {
          supplier.notBefore = now + REJECT_BACKOFF_MS;
          if (this.#solo === input.peer) this.#restartSolo();
        }
        break;
      }
      case "gone":
        this.#forget(input.peer);
        break;
    }
    this.#ask(now);
  }

  /**
   * Takes the next output.
   *
   * @returns The output, or `undefined` when nothing is left.
   */
  poll(): MetadataOutput | undefined {
    return this.#outputs.shift();
  }

  /**
   * Asks others for what peers owe for too long.
   *
   * @param now The time in milliseconds.
   */
  handleTimeout(now: number): void {
    if (this.#done) return;
    this.#timers.clear("tick");
    for (const [peer, supplier] of this.#suppliers) {
      for (const [piece, at] of supplier.outstanding) {
        if (now < at + REQUEST_TIMEOUT_MS) continue;
        supplier.outstanding.delete(piece);
        supplier.timeouts++;
        supplier.notBefore = now + REQUEST_TIMEOUT_MS;
      }
      if (supplier.timeouts >= MAX_TIMEOUTS) {
        supplier.timeouts = 0;
        supplier.notBefore = now + REJECT_BACKOFF_MS;
        if (this.#solo === peer) this.#restartSolo();
      }
    }
    this.#ask(now);
  }

  #add(peer: number, size: number): void {
    const known = this.#suppliers.get(peer);
    if (known !== undefined) {
      if (known.size !== size) {
        this.#drop(peer, "Peer changed its metadata size");
      }
      return;
    }
    if (!Number.isInteger(size) || size <= 0 || size > this.#maxSize) {
      this.#outputs.push({
        type: "drop",
        peer,
        reason:
          `Metadata size ${size} is not between 1 and ${this.#maxSize} bytes`,
      });
      return;
    }
    this.#suppliers.set(peer, {
      size,
      outstanding: new Map(),
      notBefore: 0,
      timeouts: 0,
    });
  }

  #data(
    peer: number,
    piece: number,
    totalSize: number | undefined,
    data: Uint8Array,
  ): void {
    const supplier = this.#suppliers.get(peer);
    if (supplier === undefined || !supplier.outstanding.delete(piece)) return;
    const count = Math.ceil(supplier.size / METADATA_PIECE_SIZE);
    const expected = piece === count - 1
      ? supplier.size - piece * METADATA_PIECE_SIZE
      : METADATA_PIECE_SIZE;
    if (
      data.length !== expected ||
      (totalSize !== undefined && totalSize !== supplier.size)
    ) {
      this.#drop(peer, "Peer sent metadata of a wrong size");
      return;
    }
    supplier.timeouts = 0;
    let assembly = this.#assemblies.get(supplier.size);
    if (assembly === undefined) {
      assembly = { size: supplier.size, pieces: new Map(), heldBytes: 0 };
      this.#assemblies.set(supplier.size, assembly);
    }
    if (!assembly.pieces.has(piece)) {
      assembly.pieces.set(piece, { data: data.slice(), peer });
      assembly.heldBytes += data.length;
      this.#makeRoom(assembly);
    }
    if (assembly.pieces.size === count) this.#finish(assembly, count);
  }

  /** Peers that claim many sizes do not fill the memory: the largest goes. */
  #makeRoom(newest: Assembly): void {
    let held = 0;
    let largest: Assembly | undefined;
    for (const assembly of this.#assemblies.values()) {
      held += assembly.heldBytes;
      if (
        assembly !== newest && assembly.heldBytes > (largest?.heldBytes ?? 0)
      ) largest = assembly;
    }
    if (held > 2 * this.#maxSize && largest !== undefined) {
      this.#assemblies.delete(largest.size);
    }
  }

  #finish(assembly: Assembly, count: number): void {
    const parts: Uint8Array[] = [];
    const authors = new Set<number>();
    for (let i = 0; i < count; i++) {
      const part = assembly.pieces.get(i)!;
      parts.push(part.data);
      authors.add(part.peer);
    }
    const infoBytes = concatBytes(parts);
    if (this.#verify(infoBytes)) {
      this.#done = true;
      this.#outputs.push({ type: "done", infoBytes });
      return;
    }
    this.#assemblies.delete(assembly.size);
    if (authors.size === 1) {
      const [liar] = authors;
      this.#drop(liar!, "Metadata does not match the info-hash");
    } else {
      this.#mixedFailed = true;
      this.#restartSolo();
    }
  }

  /** Chooses the next peer that is to deliver everything alone. */
  #restartSolo(): void {
    this.#assemblies.clear();
    for (const supplier of this.#suppliers.values()) {
      supplier.outstanding.clear();
    }
    const peers = [...this.#suppliers.keys()];
    const at = this.#solo === undefined ? -1 : peers.indexOf(this.#solo);
    this.#solo = peers[(at + 1) % peers.length];
  }

  #drop(peer: number, reason: string): void {
    this.#outputs.push({ type: "drop", peer, reason });
    this.#forget(peer);
  }

  #forget(peer: number): void {
    const supplier = this.#suppliers.get(peer);
    if (supplier === undefined) return;
    this.#suppliers.delete(peer);
    if (!this.#offers(supplier.size)) this.#assemblies.delete(supplier.size);
    if (this.#mixedFailed && this.#solo === peer) {
      this.#solo = undefined;
      this.#restartSolo();
    }
  }

  /** Whether any peer claims a size. */
  #offers(size: number): boolean {
    for (const supplier of this.#suppliers.values()) {
      if (supplier.size === size) return true;
    }
    return false;
  }

  /** Bytes of pieces that wait for the others. */
  get heldBytes(): number {
    let held = 0;
    for (const assembly of this.#assemblies.values()) {
      held += assembly.heldBytes;
    }
    return held;
  }

  #ask(now: number): void {
    if (this.#done) return;
    let wake = Infinity;
    const asked = new Map<number, Set<number>>();
    for (const supplier of this.#suppliers.values()) {
      let pieces = asked.get(supplier.size);
      if (pieces === undefined) asked.set(supplier.size, pieces = new Set());
      for (const [piece, at] of supplier.outstanding) {
        pieces.add(piece);
        wake = Math.min(wake, at + REQUEST_TIMEOUT_MS);
      }
    }
    for (const [peer, supplier] of this.#suppliers) {
      if (this.#solo !== undefined && this.#solo !== peer) continue;
      if (supplier.notBefore > now) {
        wake = Math.min(wake, supplier.notBefore);
        continue;
      }
      const count = Math.ceil(supplier.size / METADATA_PIECE_SIZE);
      const taken = asked.get(supplier.size)!;
      const held = this.#assemblies.get(supplier.size)?.pieces;
      for (
        let piece = 0;
        piece < count && supplier.outstanding.size < MAX_OUTSTANDING;
        piece++
      ) {
        if (taken.has(piece) || held?.has(piece)) continue;
        taken.add(piece);
        supplier.outstanding.set(piece, now);
        this.#outputs.push({ type: "request", peer, piece });
        wake = Math.min(wake, now + REQUEST_TIMEOUT_MS);
      }
    }
    if (wake === Infinity) this.#timers.clear("tick");
    else this.#timers.set("tick", wake);
  }
}

/**
 * Fetches the info dictionary of a magnet link from several peers at once
 * (BEP 9). Pure: peers, time and the hash check come in, requests go out.
 *
 * @module
 */
import { concatBytes } from "../../_shared/bytes.ts";
import type { Machine } from "../../_shared/machine.ts";
import {
  MAX_METADATA_SIZE,
  metadataPieceCount,
  metadataPieceLength,
} from "../../peer/ut_metadata.ts";
import { Asker, askJointly } from "./asker.ts";

/** Peers that deliver everything alone, side by side. */
const MAX_SOLO = 8;
/** Time that such a peer has, besides that of each piece, while others wait. */
const SOLO_MS = 3_000;
const SOLO_PIECE_MS = 250;

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
    readonly totalSize: number;
    /** Copied by the machine. */
    readonly data: Uint8Array;
  }
  | { readonly type: "reject"; readonly peer: number; readonly piece: number }
  | { readonly type: "gone"; readonly peer: number };

/** Outputs of {@linkcode MetadataMachine}. */
export type MetadataOutput =
  | { readonly type: "request"; readonly peer: number; readonly piece: number }
  /** The peer does not keep to the protocol. */
  | { readonly type: "drop"; readonly peer: number; readonly reason: string }
  /** All that the peer sent, and nobody else, failed the check. */
  | { readonly type: "ban"; readonly peer: number; readonly reason: string }
  | { readonly type: "done"; readonly infoBytes: Uint8Array };

/** Options of {@linkcode MetadataMachine}. */
export interface MetadataMachineOptions {
  /** Whether the bytes hash to the info-hash. */
  readonly verify: (infoBytes: Uint8Array) => boolean;
  /** Largest size accepted, in bytes. @default {16777216} */
  readonly maxSize?: number | undefined;
}

/** A peer, and what it alone delivered. */
class Supplier {
  readonly asker: Asker;
  readonly group: Group;
  readonly pieces = new Map<number, Uint8Array>();
  heldBytes = 0;
  /** Since when it has been asked for everything alone. */
  soloSince: number | undefined;

  constructor(peer: number, group: Group) {
    this.asker = new Asker(peer);
    this.group = group;
  }
}

/** The peers that claim one size. */
interface Group {
  readonly size: number;
  readonly count: number;
  /**
   * Pieces of all of them together, each with its author; gone for good once
   * they failed the check together.
   */
  joint: Map<number, { data: Uint8Array; peer: number }> | undefined;
}

/**
 * Downloads and checks an info dictionary. First all peers share the work. If
 * their pieces fail the check together, several of them are asked for the whole
 * alone, side by side: a liar spoils nothing that others send, and is known for
 * what it is when its own pieces fail. The first to answer is asked
 * first; peers that time out come last.
 */
export class MetadataMachine implements Machine<MetadataInput, MetadataOutput> {
  readonly #verify: (infoBytes: Uint8Array) => boolean;
  readonly #maxSize: number;
  readonly #suppliers = new Map<number, Supplier>();
  readonly #groups = new Map<number, Group>();
  readonly #outputs: MetadataOutput[] = [];
  #deadline: number | undefined;
  #answers = 0;
  /** Whether pieces were given up, of peers of any size. */
  #haveLost = false;
  /** Whether the dictionary has been handed out. */
  done = false;

  constructor(options: MetadataMachineOptions) {
    this.#verify = options.verify;
    this.#maxSize = options.maxSize ?? MAX_METADATA_SIZE;
  }

  /** When {@linkcode handleTimeout} wants to be called. */
  get deadline(): number | undefined {
    return this.done ? undefined : this.#deadline;
  }

  /** Bytes of pieces that wait for the others. */
  get heldBytes(): number {
    let held = 0;
    for (const supplier of this.#suppliers.values()) held += supplier.heldBytes;
    for (const { joint } of this.#groups.values()) {
      for (const { data, peer } of joint?.values() ?? []) {
        if (!this.#suppliers.has(peer)) held += data.length;
      }
    }
    return held;
  }

  /** Takes one input. */
  handle(input: MetadataInput, now: number): void {
    if (this.done) return;
    const { peer } = input;
    const before = this.#suppliers.get(peer);
    switch (input.type) {
      case "peer":
        if (before?.group.size === input.size) return;
        this.#add(peer, input.size);
        break;
      // What was never asked for is passed over; what comes late is as good.
      case "data": {
        const { piece, totalSize, data } = input;
        if (before?.asker.answer(piece) !== true) return;
        this.#data(before, piece, totalSize, data);
        break;
      }
      case "reject":
        if (before?.asker.reject(input.piece, now) !== true) return;
        break;
      case "gone":
        this.#forget(peer);
        break;
    }
    if (this.done) return;
    // Peers that claim other sizes have nothing to do with it.
    const { group } = this.#suppliers.get(peer) ?? before ?? {};
    if (this.#haveLost) this.#askAll(now);
    else if (group !== undefined) this.#askGroup(group, now);
    this.#arm(now);
  }

  /** Takes the next output. */
  poll(): MetadataOutput | undefined {
    return this.#outputs.shift();
  }

  /** Asks others for what peers owe for too long. */
  handleTimeout(now: number): void {
    if (this.done) return;
    for (const supplier of this.#suppliers.values()) {
      const isLate = supplier.asker.giveUpLate(now);
      if (!isLate && now < this.#soloEnd(supplier)) continue;
      if (!isLate) supplier.asker.failures++;
      supplier.soloSince = undefined;
    }
    this.#askAll(now);
    this.#arm(now);
  }

  #soloEnd({ soloSince, group }: Supplier): number {
    return soloSince === undefined
      ? Infinity
      : soloSince + SOLO_MS + SOLO_PIECE_MS * group.count;
  }

  #add(peer: number, size: number): void {
    const known = this.#suppliers.get(peer);
    if (known !== undefined) {
      if (known.group.size !== size) {
        this.#lose("drop", peer, "Peer changed its metadata size");
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
    let group = this.#groups.get(size);
    if (group === undefined) {
      const count = metadataPieceCount(size);
      this.#groups.set(size, group = { size, count, joint: new Map() });
    }
    this.#suppliers.set(peer, new Supplier(peer, group));
  }

  #data(
    supplier: Supplier,
    piece: number,
    totalSize: number,
    data: Uint8Array,
  ): void {
    const { group, asker: { peer } } = supplier;
    if (
      data.length !== metadataPieceLength(group.size, piece) ||
      totalSize !== group.size
    ) {
      this.#lose("drop", peer, "Peer sent metadata of a wrong size");
      return;
    }
    supplier.asker.approve(this.#answers++);
    const copy = data.slice();
    supplier.pieces.set(piece, copy);
    supplier.heldBytes += copy.length;
    if (group.joint !== undefined && !group.joint.has(piece)) {
      group.joint.set(piece, { data: copy, peer });
    }
    this.#makeRoom(supplier);
    this.#check(supplier);
  }

  /** Peers that claim many sizes do not fill the memory: the largest goes. */
  #makeRoom(newest: Supplier): void {
    while (this.heldBytes > 2 * this.#maxSize) {
      this.#haveLost = true;
      let largest: Supplier | undefined;
      for (const supplier of this.#suppliers.values()) {
        if (
          supplier !== newest && supplier.heldBytes > (largest?.heldBytes ?? 0)
        ) largest = supplier;
      }
      if (largest === undefined) {
        // What peers left that are gone.
        for (const group of this.#groups.values()) {
          if (group !== newest.group) group.joint?.clear();
        }
        return;
      }
      largest.pieces.clear();
      largest.heldBytes = 0;
      largest.asker.failures++;
      const { joint } = largest.group;
      for (const [piece, { peer }] of joint ?? []) {
        if (peer === largest.asker.peer) joint!.delete(piece);
      }
    }
  }

  /** Checks what is whole: the pieces of one peer, or those of all together. */
  #check(supplier: Supplier): void {
    const { group, pieces, asker: { peer } } = supplier;
    if (pieces.size === group.count) {
      if (this.#finish(group, (piece) => pieces.get(piece)!)) return;
      this.#lose("ban", peer, "Metadata does not match the info-hash");
      for (const [piece, part] of group.joint ?? []) {
        if (part.peer === peer) group.joint!.delete(piece);
      }
      return;
    }
    const { joint } = group;
    if (joint?.size !== group.count) return;
    if (this.#finish(group, (piece) => joint.get(piece)!.data)) return;
    group.joint = undefined;
  }

  #finish(group: Group, part: (piece: number) => Uint8Array): boolean {
    const parts = Array.from({ length: group.count }, (_, i) => part(i));
    const infoBytes = concatBytes(parts);
    if (!this.#verify(infoBytes)) return false;
    this.done = true;
    this.#outputs.push({ type: "done", infoBytes });
    return true;
  }

  #lose(type: "drop" | "ban", peer: number, reason: string): void {
    this.#outputs.push({ type, peer, reason });
    this.#forget(peer);
  }

  #forget(peer: number): void {
    const supplier = this.#suppliers.get(peer);
    if (supplier === undefined) return;
    this.#suppliers.delete(peer);
    const { size } = supplier.group;
    for (const { group } of this.#suppliers.values()) {
      if (group.size === size) return;
    }
    this.#groups.delete(size);
  }

  #askAll(now: number): void {
    this.#haveLost = false;
    for (const group of this.#groups.values()) this.#askGroup(group, now);
  }

  #askGroup(group: Group, now: number): void {
    const members = this.#suppliers.values()
      .filter((supplier) => supplier.group === group).toArray()
      .sort((a, b) => Asker.compare(a.asker, b.asker));
    const { joint, count } = group;
    if (joint === undefined) return this.#askSolo(group, members, now);
    askJointly(
      Array.from({ length: count }, (_, i) => i).filter((i) => !joint.has(i)),
      members.map(({ asker }) => asker),
      now,
      (asker, piece) => this.#request(asker, piece, now),
    );
  }

  /** Everything of a few peers, the best of them. */
  #askSolo(group: Group, members: readonly Supplier[], now: number): void {
    const room = Math.floor(2 * this.#maxSize / group.size);
    let slots = Math.min(MAX_SOLO, Math.max(1, room));
    for (const supplier of members) {
      const { asker, pieces } = supplier;
      if (asker.notBefore > now || slots === 0) {
        supplier.soloSince = undefined;
        continue;
      }
      slots--;
      supplier.soloSince ??= now;
      for (let piece = 0; piece < group.count; piece++) {
        if (pieces.has(piece) || !asker.hasRoom(piece)) continue;
        this.#request(asker, piece, now);
      }
    }
  }

  #request(asker: Asker, piece: number, now: number): void {
    asker.ask(piece, now);
    this.#outputs.push({ type: "request", peer: asker.peer, piece });
  }

  /** Wakes for the first request, pause or turn that ends. */
  #arm(now: number): void {
    let wake = Infinity;
    for (const supplier of this.#suppliers.values()) {
      const { asker, group } = supplier;
      wake = Math.min(
        wake,
        asker.wakeAt(now, group.joint !== undefined),
        this.#soloEnd(supplier),
      );
    }
    this.#deadline = wake === Infinity ? undefined : wake;
  }
}

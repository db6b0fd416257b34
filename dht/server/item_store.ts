/**
 * The items that a node keeps for others.
 *
 * @module
 */
import { equalBytes } from "../../_shared/bytes.ts";
import type { RandomSource } from "../../_shared/random.ts";
import { checkPositive } from "../check_options.ts";
import { KRPC_ERROR } from "../error.ts";
import {
  immutableItemTarget,
  MAX_ITEM_LENGTH,
  MAX_SALT_LENGTH,
  mutableItemTarget,
} from "../item.ts";
import type { KrpcPutMutable } from "../krpc.ts";
import type { ItemStoreOptions } from "../node_options.ts";
import { KeyedStore, Shares } from "./keyed_store.ts";

/** How long an item is kept after it was last put, in ms. */
const LIFETIME_MS = 7_200_000;
/** Counters of shares, a level and row: 2^12. */
const SHARE_BITS = 12;

/** What is to be stored; a decoded put query is one. */
export interface ItemPut {
  /** The value's bencoded bytes, canonical. */
  readonly value: Uint8Array;
  /** What signs it; none for an immutable item. */
  readonly mutable?: KrpcPutMutable | undefined;
}

/** An item in the store. Arrays are not to be changed. */
export interface StoredItem extends ItemPut {
  /** 20-byte key. */
  readonly key: Uint8Array;
}

/** The error to answer a put with. */
export interface ItemRefusal {
  readonly code: number;
  readonly message: string;
}

interface Entry extends StoredItem {
  /** Address whose share it counts for. */
  readonly ip: Uint8Array;
  expiresAt: number;
}

/** Keeps immutable and mutable items, one a key (BEP 44). */
export class ItemStore {
  readonly #maxItems: number;
  /** The first to expire first. */
  readonly #items: KeyedStore<Entry>;
  readonly #shares: Shares;

  /**
   * Makes an empty store.
   *
   * @param ownId Our 20-byte id: items far from it make room for closer ones.
   * @param random Seeds the counters of shares.
   * @param options See {@linkcode ItemStoreOptions}.
   * @throws {RangeError} If a limit is not positive.
   */
  constructor(
    ownId: Uint8Array,
    random: RandomSource,
    options: ItemStoreOptions = {},
  ) {
    const { maxItems = 700, maxItemsPerAddress = 50 } = options;
    checkPositive({ maxItems, maxItemsPerAddress });
    this.#items = new KeyedStore(ownId);
    this.#maxItems = maxItems;
    this.#shares = new Shares(random, SHARE_BITS, maxItemsPerAddress, 4);
  }

  /** How many items there are, those that just expired included. */
  get size(): number {
    return this.#items.size;
  }

  /** Changes the id whose neighbourhood is kept. */
  setOwnId(id: Uint8Array): void {
    this.#items.setOwnId(id);
  }

  /** Finds an item by its 20-byte key. */
  get(key: Uint8Array, now: number): StoredItem | undefined {
    const entry = this.#items.get(key);
    return entry !== undefined && entry.expiresAt > now ? entry : undefined;
  }

  /**
   * Tells what speaks against a put whose token was checked, except for its
   * signature, which is dearer to check.
   *
   * @param put What to store.
   * @param ip 4 or 16 bytes of the address that it came from.
   * @param now The time in milliseconds.
   * @returns The error to answer with, or `undefined`.
   */
  refusal(
    put: ItemPut,
    ip: Uint8Array,
    now: number,
  ): ItemRefusal | undefined {
    this.expire(now);
    const { value, mutable } = put;
    if (value.length > MAX_ITEM_LENGTH) {
      return {
        code: KRPC_ERROR.valueTooBig,
        message: `Value too big: at most ${MAX_ITEM_LENGTH} bytes`,
      };
    }
    if ((mutable?.salt?.length ?? 0) > MAX_SALT_LENGTH) {
      return {
        code: KRPC_ERROR.saltTooBig,
        message: `Salt too big: at most ${MAX_SALT_LENGTH} bytes`,
      };
    }
    const key = keyOf(put);
    const old = this.#items.get(key);
    if (old === undefined) {
      const hasRoom = this.#items.size < this.#maxItems ||
        this.#items.isCloser(key);
      return hasRoom && !this.#shares.reaches(ip)
        ? undefined
        : { code: KRPC_ERROR.server, message: "Storage full" };
    }
    if (mutable === undefined || old.mutable === undefined) return undefined;
    const { seq } = old.mutable;
    if (mutable.cas !== undefined && mutable.cas !== seq) {
      return {
        code: KRPC_ERROR.casMismatch,
        message: "CAS mismatch: re-read and try again",
      };
    }
    return mutable.seq > seq ||
        mutable.seq === seq && equalBytes(value, old.value)
      ? undefined
      : {
        code: KRPC_ERROR.seqTooLow,
        message: "Sequence number not higher than the current one",
      };
  }

  /**
   * Stores what there is no {@linkcode ItemStore.refusal} of and no wrong
   * signature, or keeps it for longer.
   *
   * @param put What to store; it is kept and must not change.
   * @param ip As for `refusal`.
   * @param now The time in milliseconds.
   */
  store(put: ItemPut, ip: Uint8Array, now: number): void {
    const key = keyOf(put);
    const old = this.#items.get(key);
    const expiresAt = now + LIFETIME_MS;
    if (old !== undefined && put.mutable?.seq === old.mutable?.seq) {
      // The same again.
      this.#items.delete(old);
      this.#items.add(old);
      old.expiresAt = expiresAt;
      return;
    }
    if (old !== undefined) this.#remove(old);
    else if (this.#items.size >= this.#maxItems) {
      this.#remove(this.#items.farthest!);
    }
    const entry = { ...put, key, ip: old?.ip ?? ip, expiresAt };
    this.#items.add(entry);
    this.#shares.count(entry.ip, 1);
  }

  /** Drops what is too old. */
  expire(now: number): void {
    for (const entry of this.#items.values()) {
      if (entry.expiresAt > now) break;
      this.#remove(entry);
    }
  }

  #remove(entry: Entry): void {
    this.#items.delete(entry);
    this.#shares.count(entry.ip, -1);
  }
}

function keyOf({ value, mutable }: ItemPut): Uint8Array<ArrayBuffer> {
  return mutable === undefined
    ? immutableItemTarget(value)
    : mutableItemTarget(mutable.publicKey, mutable.salt);
}

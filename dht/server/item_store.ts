/**
 * The items that a node keeps for others.
 *
 * @module
 */
import { ipScope, isMappedIpv4, tryParseIp } from "../../_shared/address.ts";
import { equalBytes, toByteString } from "../../_shared/bytes.ts";
import { idKey } from "./id_key.ts";
import { KRPC_ERROR } from "../error.ts";
import {
  immutableItemTarget,
  itemSignatureMessage,
  MAX_ITEM_LENGTH,
  MAX_SALT_LENGTH,
  mutableItemTarget,
} from "../item.ts";
import type { KrpcPutMutable } from "../krpc.ts";
import { compareNodeDistance } from "../node_id.ts";

/** An item in the store. Arrays are not to be changed. */
export interface StoredItem {
  /** 20-byte key. */
  readonly target: Uint8Array;
  /** The value's bencoded bytes. */
  readonly value: Uint8Array;
  /** What signs it; none for an immutable item. */
  readonly mutable:
    | Pick<KrpcPutMutable, "publicKey" | "seq" | "signature" | "salt">
    | undefined;
}

/** What is to be stored; a decoded put query is one. */
export interface ItemPut {
  /** The value's bencoded bytes, canonical. */
  readonly value: Uint8Array;
  /** What signs it; none for an immutable item. */
  readonly mutable?: KrpcPutMutable | undefined;
}

/** What became of a put. */
export type ItemPutResult =
  /** It is stored, or was and will stay for another while. */
  | { readonly type: "stored"; readonly target: Uint8Array }
  /** It is not stored: answer with this error. */
  | {
    readonly type: "refused";
    readonly code: number;
    readonly message: string;
  };

/** A put whose signature is to be checked. */
export interface ItemVerification {
  /** Not decided. */
  readonly type: "verify";
  /** 32-byte Ed25519 public key. */
  readonly publicKey: Uint8Array;
  /** 64-byte signature. */
  readonly signature: Uint8Array;
  /** What it should be the signature of. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** What to give back to `finish`. It owns its bytes. */
  readonly put: ItemPut;
}

/**
 * Checks an Ed25519 signature.
 *
 * @param publicKey 32 bytes.
 * @param signature 64 bytes.
 * @param data What is signed.
 * @returns Whether it is valid.
 */
export type ItemVerifier = (
  publicKey: Uint8Array,
  signature: Uint8Array,
  data: Uint8Array<ArrayBuffer>,
) => boolean | Promise<boolean>;

/** Options of an item store. */
export interface ItemStoreOptions {
  /** Our 20-byte id: items far from it make room for closer ones. */
  readonly ownId: Uint8Array;
  /**
   * Items that are kept.
   *
   * @default {700}
   */
  readonly maxItems?: number | undefined;
  /**
   * Items that one IPv4 address or IPv6 /64 may have stored; a /24 or /48 may
   * have twice, a /16 or /32 four times as many. Loopback is not limited.
   *
   * @default {50}
   */
  readonly maxItemsPerAddress?: number | undefined;
  /**
   * How long an item is kept after it was last put, in milliseconds.
   *
   * @default {7_200_000}
   */
  readonly lifetimeMs?: number | undefined;
}

/** An address or a subnet that it is in, and how many times its share it has. */
interface Owner {
  readonly key: string;
  readonly times: number;
}

interface Entry extends StoredItem {
  /** Who pays for it; nobody for loopback. */
  readonly owners: readonly Owner[];
  expiresAt: number;
}

/**
 * Keeps immutable and mutable items, one a key (BEP 44). Everything that can
 * refuse a put without its signature is checked before it.
 */
export class ItemStore {
  readonly #maxItems: number;
  readonly #maxPerAddress: number;
  readonly #lifetimeMs: number;
  /** The first to expire first. */
  readonly #items = new Map<string, Entry>();
  readonly #owners = new Map<string, number>();
  #ownId: Uint8Array;
  #farthest: Entry | undefined;

  /**
   * Makes an empty store.
   *
   * @param options See {@linkcode ItemStoreOptions}.
   * @throws {RangeError} If a limit is no integer of at least 1.
   */
  constructor(options: ItemStoreOptions) {
    const {
      maxItems = 700,
      maxItemsPerAddress = 50,
      lifetimeMs = 7_200_000,
    } = options;
    for (
      const [name, value] of Object.entries({
        maxItems,
        maxItemsPerAddress,
        lifetimeMs,
      })
    ) {
      if (!(value >= 1)) {
        throw new RangeError(
          `Option ${name} must be at least 1: current value is ${value}`,
        );
      }
    }
    this.#ownId = options.ownId.slice();
    this.#maxItems = maxItems;
    this.#maxPerAddress = maxItemsPerAddress;
    this.#lifetimeMs = lifetimeMs;
  }

  /** How many items there are, those that just expired included. */
  get size(): number {
    return this.#items.size;
  }

  /**
   * Changes the id whose neighbourhood is kept.
   *
   * @param id Our new 20-byte id.
   */
  setOwnId(id: Uint8Array): void {
    this.#ownId = id.slice();
    this.#farthest = undefined;
  }

  /**
   * Finds an item.
   *
   * @param target 20-byte key.
   * @param now The time in milliseconds.
   * @returns The item, or `undefined` when there is none.
   */
  get(target: Uint8Array, now: number): StoredItem | undefined {
    const entry = this.#items.get(idKey(target));
    return entry !== undefined && entry.expiresAt > now ? entry : undefined;
  }

  /**
   * Lists the items.
   *
   * @returns An iterator; the store must not change while it is in use.
   */
  items(): IterableIterator<StoredItem> {
    return this.#items.values();
  }

  /**
   * Starts a put whose token was checked. An immutable item is stored at once.
   *
   * @param put What to store; its bytes are copied where they are kept.
   * @param hostname IP address that it came from.
   * @param now The time in milliseconds.
   * @returns The result; or, for a mutable item, the signature to be checked
   * before {@linkcode ItemStore.finish} is called.
   */
  begin(
    put: ItemPut,
    hostname: string,
    now: number,
  ): ItemPutResult | ItemVerification {
    this.expire(now);
    const refusal = this.#refusal(put, hostname, now);
    if (refusal !== undefined) return refusal;
    const { mutable, value } = put;
    if (mutable === undefined) return this.#store(put, hostname, now);
    const owned: ItemPut = {
      value: value.slice(),
      mutable: {
        publicKey: mutable.publicKey.slice(),
        seq: mutable.seq,
        signature: mutable.signature.slice(),
        salt: mutable.salt?.slice(),
        cas: mutable.cas,
      },
    };
    return {
      type: "verify",
      publicKey: owned.mutable!.publicKey,
      signature: owned.mutable!.signature,
      data: itemSignatureMessage({
        seq: mutable.seq,
        value,
        salt: owned.mutable!.salt,
      }),
      put: owned,
    };
  }

  /**
   * Ends a put that {@linkcode ItemStore.begin} wanted verified.
   *
   * @param put The `put` of the verification.
   * @param isValid Whether the signature is valid.
   * @param hostname As for `begin`.
   * @param now The time in milliseconds.
   * @returns The result.
   */
  finish(
    put: ItemPut,
    isValid: boolean,
    hostname: string,
    now: number,
  ): ItemPutResult {
    if (!isValid) {
      return refuse(KRPC_ERROR.invalidSignature, "Invalid signature");
    }
    this.expire(now);
    // Another put may have come in between.
    return this.#refusal(put, hostname, now) ??
      this.#store(put, hostname, now);
  }

  /**
   * Does a whole put: {@linkcode ItemStore.begin}, the check of the signature
   * and {@linkcode ItemStore.finish}.
   *
   * @param put What to store.
   * @param hostname IP address that it came from.
   * @param verify Checks signatures.
   * @param now The time in milliseconds.
   * @returns The result; a promise only when `verify` gives one.
   */
  put(
    put: ItemPut,
    hostname: string,
    verify: ItemVerifier,
    now: number,
  ): ItemPutResult | Promise<ItemPutResult> {
    const step = this.begin(put, hostname, now);
    if (step.type !== "verify") return step;
    const valid = verify(step.publicKey, step.signature, step.data);
    return typeof valid === "boolean"
      ? this.finish(step.put, valid, hostname, now)
      : valid.then((isValid) => this.finish(step.put, isValid, hostname, now));
  }

  /**
   * Drops what is too old.
   *
   * @param now The time in milliseconds.
   */
  expire(now: number): void {
    for (const entry of this.#items.values()) {
      if (entry.expiresAt > now) break;
      this.#remove(entry);
    }
  }

  /** Everything that speaks against a put but its signature. */
  #refusal(
    put: ItemPut,
    hostname: string,
    now: number,
  ): ItemPutResult | undefined {
    const { value, mutable } = put;
    if (value.length > MAX_ITEM_LENGTH) {
      return refuse(
        KRPC_ERROR.valueTooBig,
        `Value too big: at most ${MAX_ITEM_LENGTH} bytes`,
      );
    }
    const saltLength = mutable?.salt?.length ?? 0;
    if (saltLength > MAX_SALT_LENGTH) {
      return refuse(
        KRPC_ERROR.saltTooBig,
        `Salt too big: at most ${MAX_SALT_LENGTH} bytes`,
      );
    }
    const target = targetOf(put);
    const old = this.#items.get(idKey(target));
    if (old === undefined || old.expiresAt <= now) {
      return this.#accepts(target, ownersOf(hostname))
        ? undefined
        : refuse(KRPC_ERROR.server, "Storage full");
    }
    if (mutable === undefined || old.mutable === undefined) return undefined;
    const { seq } = old.mutable;
    if (mutable.cas !== undefined && mutable.cas !== seq) {
      return refuse(
        KRPC_ERROR.casMismatch,
        "CAS mismatch: re-read and try again",
      );
    }
    if (
      mutable.seq < seq ||
      (mutable.seq === seq && !equalBytes(value, old.value))
    ) {
      return refuse(
        KRPC_ERROR.seqTooLow,
        "Sequence number not higher than the current one",
      );
    }
    return undefined;
  }

  #store(put: ItemPut, hostname: string, now: number): ItemPutResult {
    const target = targetOf(put);
    const key = idKey(target);
    const old = this.#items.get(key);
    const expiresAt = now + this.#lifetimeMs;
    if (old !== undefined && equalBytes(old.value, put.value)) {
      const isSame = put.mutable?.seq === old.mutable?.seq;
      if (isSame) {
        old.expiresAt = expiresAt;
        this.#items.delete(key);
        this.#items.set(key, old);
        return { type: "stored", target: old.target };
      }
    }
    const owners = old?.owners ?? ownersOf(hostname);
    if (old !== undefined) this.#remove(old);
    else if (this.#items.size >= this.#maxItems) {
      this.#remove(this.#farthestItem()!);
    }
    const { mutable } = put;
    const entry: Entry = {
      target,
      value: put.value.slice(),
      mutable: mutable && {
        publicKey: mutable.publicKey.slice(),
        seq: mutable.seq,
        signature: mutable.signature.slice(),
        salt: mutable.salt?.slice(),
      },
      owners,
      expiresAt,
    };
    this.#items.set(key, entry);
    this.#count(owners, 1);
    if (
      this.#farthest !== undefined &&
      compareNodeDistance(this.#ownId, entry.target, this.#farthest.target) > 0
    ) this.#farthest = entry;
    return { type: "stored", target };
  }

  #accepts(target: Uint8Array, owners: readonly Owner[]): boolean {
    for (const { key, times } of owners) {
      const count = this.#owners.get(key) ?? 0;
      if (count >= times * this.#maxPerAddress) return false;
    }
    if (this.#items.size < this.#maxItems) return true;
    const { target: farthest } = this.#farthestItem()!;
    return compareNodeDistance(this.#ownId, target, farthest) < 0;
  }

  #farthestItem(): Entry | undefined {
    if (this.#farthest === undefined) {
      for (const entry of this.#items.values()) {
        if (
          this.#farthest === undefined ||
          compareNodeDistance(
              this.#ownId,
              entry.target,
              this.#farthest.target,
            ) > 0
        ) this.#farthest = entry;
      }
    }
    return this.#farthest;
  }

  #remove(entry: Entry): void {
    this.#items.delete(idKey(entry.target));
    if (entry === this.#farthest) this.#farthest = undefined;
    this.#count(entry.owners, -1);
  }

  #count(owners: readonly Owner[], by: 1 | -1): void {
    for (const { key } of owners) {
      const count = (this.#owners.get(key) ?? 0) + by;
      if (count > 0) this.#owners.set(key, count);
      else this.#owners.delete(key);
    }
  }
}

function refuse(code: number, message: string): ItemPutResult {
  return { type: "refused", code, message };
}

function targetOf({ value, mutable }: ItemPut): Uint8Array<ArrayBuffer> {
  return mutable === undefined
    ? immutableItemTarget(value)
    : mutableItemTarget(mutable.publicKey, mutable.salt);
}

/** What an item counts for: the wider a subnet, the more it may have. */
function ownersOf(hostname: string): Owner[] {
  let ip: Uint8Array | undefined = tryParseIp(hostname);
  if (ip === undefined || ipScope(ip) === "loopback") return [];
  if (isMappedIpv4(ip)) ip = ip.subarray(12);
  const widths = ip.length === 4
    ? [[4, 1], [3, 2], [2, 4]]
    : [[8, 1], [7, 1.5], [6, 2], [4, 4]];
  return widths.map(([length = 0, times = 1]) => ({
    key: `${ip.length} ${toByteString(ip.subarray(0, length))}`,
    times,
  }));
}

/**
 * What a swarm store needs of a key-value database, as a port: a `Deno.Kv`
 * fits, with the embedded database as with a service by URL.
 *
 * @module
 */

/** A part of a key. */
export type SwarmKvKeyPart = Uint8Array | string | number | bigint | boolean;

/** An entry of a {@linkcode SwarmKv}. */
export interface SwarmKvEntry {
  /** Its key. */
  readonly key: readonly unknown[];
  /** Its value. */
  readonly value: unknown;
  /** Names this very version of the value. */
  readonly versionstamp: string;
}

/** Changes that take place together or not at all. */
export interface SwarmKvAtomic {
  /**
   * Demands that an entry is as it was read.
   *
   * @param checks Keys and the versions that they must have, null for no entry.
   * @returns The operation itself.
   */
  check(
    ...checks: { key: SwarmKvKeyPart[]; versionstamp: string | null }[]
  ): SwarmKvAtomic;
  /**
   * Writes a value.
   *
   * @param key Its key.
   * @param value What to write.
   * @param options When it expires by itself, in milliseconds.
   * @returns The operation itself.
   */
  set(
    key: SwarmKvKeyPart[],
    value: unknown,
    options?: { expireIn?: number },
  ): SwarmKvAtomic;
  /**
   * Deletes a value.
   *
   * @param key Its key.
   * @returns The operation itself.
   */
  delete(key: SwarmKvKeyPart[]): SwarmKvAtomic;
  /**
   * Adds to a counter of 64 bits; conflicts with nobody.
   *
   * @param key Its key.
   * @param amount How much.
   * @returns The operation itself.
   */
  sum(key: SwarmKvKeyPart[], amount: bigint): SwarmKvAtomic;
  /**
   * Does it.
   *
   * @returns Whether all checks held, and the version of what was written.
   */
  commit(): Promise<{ readonly ok: boolean; readonly versionstamp?: string }>;
}

/** What the store needs of a database: a `Deno.Kv` fits. */
export interface SwarmKv {
  /**
   * Reads a value.
   *
   * @param key Its key.
   * @returns The value and its version, nulls if there is none.
   */
  get(
    key: SwarmKvKeyPart[],
  ): Promise<{ readonly value: unknown; readonly versionstamp: string | null }>;
  /**
   * Begins an atomic operation.
   *
   * @returns The operation, without a change yet.
   */
  atomic(): SwarmKvAtomic;
  /**
   * Lists entries in the order of their keys.
   *
   * @param selector What their keys begin with, and from which key on.
   * @param options Most entries, and how many are fetched at a time.
   * @returns The entries.
   */
  list(
    selector: { prefix: SwarmKvKeyPart[]; start?: SwarmKvKeyPart[] },
    options?: { limit?: number; batchSize?: number },
  ): AsyncIterable<SwarmKvEntry>;
  /** Closes the database. */
  close(): void;
}

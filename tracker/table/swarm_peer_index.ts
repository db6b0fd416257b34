/**
 * Where each record of a {@linkcode SwarmList} is, found by a hash of what it
 * is about: in large swarms nobody wants to look at every peer.
 *
 * @module
 */

const EMPTY = -1;

/**
 * A hash table of record numbers over a typed array, without garbage. Several
 * records may have one hash.
 */
export class SwarmPeerIndex {
  /** Pairs of a record and its hash, side by side; linear probing. */
  #table = new Int32Array(2 * 64).fill(EMPTY);
  /** Of places in the table, which are even. */
  #mask = 2 * 64 - 2;
  #size = 0;

  /** Records in the index. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of the table. */
  get bytes(): number {
    return this.#table.byteLength;
  }

  /** The next place with a hash, valid until the next change; -1 for none. */
  next(hash: number, after: number): number {
    const table = this.#table;
    const mask = this.#mask;
    let at = (after < 0 ? hash << 1 : after + 2) & mask;
    while (table[at] !== EMPTY) {
      if (table[at + 1] === hash) return at;
      at = (at + 2) & mask;
    }
    return -1;
  }

  /** Reads a record's number. */
  record(place: number): number {
    return this.#table[place]!;
  }

  /** Adds a record that is not there. */
  add(hash: number, record: number): void {
    if ((this.#size + 1) * 4 > this.#table.length) this.#grow();
    this.#insert(hash, record);
    this.#size++;
  }

  /** Changes the number of a record. */
  move(hash: number, from: number, to: number): void {
    this.#table[this.#place(hash, from)] = to;
  }

  /** Lets two records trade their numbers. */
  swap(hashA: number, a: number, hashB: number, b: number): void {
    const placeA = this.#place(hashA, a);
    const placeB = this.#place(hashB, b);
    this.#table[placeA] = b;
    this.#table[placeB] = a;
  }

  /** Removes a record. */
  remove(hash: number, record: number): void {
    const table = this.#table;
    const mask = this.#mask;
    let hole = this.#place(hash, record);
    // Moves back what had to give way, so that probing needs no tombstones.
    for (let at = (hole + 2) & mask; table[at] !== EMPTY;) {
      const home = (table[at + 1]! << 1) & mask;
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        table[hole] = table[at]!;
        table[hole + 1] = table[at + 1]!;
        hole = at;
      }
      at = (at + 2) & mask;
    }
    table[hole] = EMPTY;
    this.#size--;
  }

  /** Removes all records. */
  clear(): void {
    this.#table.fill(EMPTY);
    this.#size = 0;
  }

  #place(hash: number, record: number): number {
    const table = this.#table;
    let at = (hash << 1) & this.#mask;
    while (table[at] !== record) {
      if (table[at] === EMPTY) {
        throw new Error(`Record ${record} is not in the index`);
      }
      at = (at + 2) & this.#mask;
    }
    return at;
  }

  #insert(hash: number, record: number): void {
    const table = this.#table;
    let at = (hash << 1) & this.#mask;
    while (table[at] !== EMPTY) at = (at + 2) & this.#mask;
    table[at] = record;
    table[at + 1] = hash;
  }

  #grow(): void {
    const old = this.#table;
    this.#table = new Int32Array(2 * old.length).fill(EMPTY);
    this.#mask = this.#table.length - 2;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] !== EMPTY) this.#insert(old[i + 1]!, old[i]!);
    }
  }
}

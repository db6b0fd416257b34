/**
 * The order of the queue.
 *
 * @module
 */

/** Where torrents move in the queue. */
export type QueueMove = "top" | "up" | "down" | "bottom";

/** Ids in order; places are counted from 0. */
export class QueueOrder {
  #ids: number[] = [];
  #places: Map<number, number> | undefined;

  /** The ids in order. */
  get ids(): readonly number[] {
    return this.#ids;
  }

  /** Place of an id; -1 for none. */
  placeOf(id: number): number {
    this.#places ??= new Map(this.#ids.map((id, place) => [id, place]));
    return this.#places.get(id) ?? -1;
  }

  /** Puts an id last. */
  add(id: number): void {
    this.#places?.set(id, this.#ids.length);
    this.#ids.push(id);
  }

  /** Takes an id out. */
  remove(id: number): void {
    this.#set(this.#ids.filter((other) => other !== id));
  }

  /** Puts an id at a place; those behind it move on. */
  put(id: number, place: number): void {
    const others = this.#ids.filter((other) => other !== id);
    others.splice(Math.max(0, place), 0, id);
    this.#set(others);
  }

  /**
   * Moves ids; among themselves they keep their order.
   *
   * @param ids Which ones.
   * @param where Where to.
   */
  move(ids: Iterable<number>, where: QueueMove): void {
    const chosen = new Set(ids);
    const mine = this.#ids.filter((id) => chosen.has(id));
    const others = this.#ids.filter((id) => !chosen.has(id));
    if (where === "top") return this.#set([...mine, ...others]);
    if (where === "bottom") return this.#set([...others, ...mine]);
    const order = where === "up" ? [...this.#ids] : this.#ids.toReversed();
    for (let i = 1; i < order.length; i++) {
      const [before, id] = [order[i - 1]!, order[i]!];
      if (chosen.has(id) && !chosen.has(before)) {
        order[i - 1] = id;
        order[i] = before;
      }
    }
    this.#set(where === "up" ? order : order.reverse());
  }

  #set(ids: number[]): void {
    this.#ids = ids;
    this.#places = undefined;
  }
}

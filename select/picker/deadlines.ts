/** Pieces that are wanted by a moment, soonest first. */
export class Deadlines {
  readonly #list: { pieceIndex: number; at: number }[] = [];
  /** The priority each piece had before. */
  readonly #before = new Map<number, number>();

  get list(): readonly { readonly pieceIndex: number; readonly at: number }[] {
    return this.#list;
  }

  has(pieceIndex: number): boolean {
    return this.#before.has(pieceIndex);
  }

  /** Sets or moves a deadline; `before` counts only for a new one. */
  set(pieceIndex: number, at: number, before: number): void {
    if (this.#before.has(pieceIndex)) this.#cut(pieceIndex);
    else this.#before.set(pieceIndex, before);
    let low = 0;
    let high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#list[middle]!.at <= at) low = middle + 1;
      else high = middle;
    }
    this.#list.splice(low, 0, { pieceIndex, at });
  }

  /** Changes the priority that comes back when the deadline goes. */
  setBefore(pieceIndex: number, priority: number): void {
    this.#before.set(pieceIndex, priority);
  }

  before(pieceIndex: number): number | undefined {
    return this.#before.get(pieceIndex);
  }

  delete(pieceIndex: number): void {
    if (this.#before.delete(pieceIndex)) this.#cut(pieceIndex);
  }

  #cut(pieceIndex: number): void {
    const at = this.#list.findIndex((item) => item.pieceIndex === pieceIndex);
    this.#list.splice(at, 1);
  }
}

/**
 * Which folders lack room.
 *
 * @module
 */

/** How much more than the floor must be free before downloads go on. */
const MARGIN = 1.1;

/** Follows the room of folders; what lacks some needs a little more to go on. */
export class SpaceMachine {
  readonly #full = new Set<string>();

  /** Folders that lack room. */
  get full(): ReadonlySet<string> {
    return this.#full;
  }

  /**
   * Takes how much is free.
   *
   * @param dir A folder.
   * @param free Bytes that are free there.
   * @param floor Bytes that must be; 0 for none.
   * @returns Whether that changed what it lacks.
   */
  handleSpace(dir: string, free: number, floor: number): boolean {
    const was = this.#full.has(dir);
    const is = floor > 0 && free < (was ? floor * MARGIN : floor);
    if (is) this.#full.add(dir);
    else this.#full.delete(dir);
    return is !== was;
  }

  /**
   * Forgets folders that are not used any more.
   *
   * @param used Those that are.
   */
  keepOnly(used: ReadonlySet<string>): void {
    for (const dir of this.#full) if (!used.has(dir)) this.#full.delete(dir);
  }
}

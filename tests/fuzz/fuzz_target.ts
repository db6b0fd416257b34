/** What a fuzz target is; see `fuzz.ts`. */

/** A decoder under fuzz. */
export interface FuzzTarget {
  /** Of the target, as `--target` takes it. */
  name: string;
  /** Valid inputs that mutations start from. */
  seeds(): Uint8Array[];
  /**
   * Feeds one input. It catches the typed errors that are documented; any
   * throw that escapes is a bug.
   */
  run(input: Uint8Array): void;
}

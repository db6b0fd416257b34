/**
 * What a verb of the `bip` command is: its options as data, and what it does.
 *
 * @module
 */
import { UsageError } from "./error.ts";
import { nearest } from "./nearest.ts";
import type { Output } from "./terminal.ts";
import { parseDuration, parseInteger } from "./units.ts";

/** One option of a verb. */
export interface OptionSpec {
  /** Long name without the dashes, such as `"piece-length"`. */
  readonly name: string;
  /** One letter without the dash. */
  readonly short?: string;
  /** Placeholder of the value, such as `"N"`; a switch has none. */
  readonly value?: string;
  /** Whether it may be given several times. @default {false} */
  readonly repeat?: boolean;
  /** One line of help, no full stop. */
  readonly summary: string;
  /** What a shell may complete as value: words, files or folders. */
  readonly complete?: readonly string[] | "file" | "folder";
}

/** What the person typed after the verb, sorted. */
export class Arguments {
  /** Everything that is no option, in order. */
  readonly operands: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;
  readonly #switches: ReadonlySet<string>;

  /**
   * Holds parsed arguments.
   *
   * @param operands Everything that is no option.
   * @param values Options with values, by long name.
   * @param switches Options without values that were given.
   */
  constructor(
    operands: readonly string[],
    values: ReadonlyMap<string, readonly string[]>,
    switches: ReadonlySet<string>,
  ) {
    this.operands = operands;
    this.#values = values;
    this.#switches = switches;
  }

  /**
   * Tells whether an option was given, with a value or without.
   *
   * @param name Its long name.
   * @returns Whether it was.
   */
  has(name: string): boolean {
    return this.#switches.has(name) || this.#values.has(name);
  }

  /**
   * Reads an option's value.
   *
   * @param name Its long name.
   * @returns The value, the last one if repeated, or `undefined`.
   */
  get(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  /**
   * Refuses options that contradict each other.
   *
   * @param pairs Long names of options that exclude each other.
   * @throws {UsageError} If both options of a pair were given.
   */
  exclude(...pairs: readonly (readonly [string, string])[]): void {
    for (const [one, other] of pairs) {
      if (!this.has(one) || !this.has(other)) continue;
      throw new UsageError(`Give --${one} or --${other}, not both`);
    }
  }

  /**
   * Reads all values of an option that may be repeated.
   *
   * @param name Its long name.
   * @returns The values in order; empty when it was not given.
   */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /**
   * Reads an option that is a whole number.
   *
   * @param name Its long name.
   * @param low The least that it may be.
   * @param high The most.
   * @returns The number, or `undefined`.
   * @throws {UsageError} If the value is no such number.
   */
  integer(name: string, low: number, high: number): number | undefined {
    const text = this.get(name);
    return text === undefined
      ? undefined
      : parseInteger(text, `--${name}`, low, high);
  }

  /**
   * Reads an option that is a time.
   *
   * @param name Its long name.
   * @returns Milliseconds, or `undefined`.
   * @throws {UsageError} If the value is no duration.
   */
  duration(name: string): number | undefined {
    const text = this.get(name);
    return text === undefined ? undefined : parseDuration(text, `--${name}`);
  }

  /**
   * Reads an option that is one of a few words.
   *
   * @typeParam T The words.
   * @param name Its long name.
   * @param words What it may be.
   * @returns The word, or `undefined`.
   * @throws {UsageError} If the value is none of them.
   */
  choice<T extends string>(name: string, words: readonly T[]): T | undefined {
    const given = this.get(name);
    if (given === undefined) return undefined;
    const found = words.find((word) => word === given);
    if (found !== undefined) return found;
    const guess = nearest(given, words);
    throw new UsageError(
      `--${name} must be one of ${words.join(", ")}, not ${
        JSON.stringify(given)
      }`,
      guess === undefined ? undefined : `Did you mean ${guess}?`,
    );
  }
}

/** What a verb works with. */
export interface VerbContext {
  /** What the person typed. */
  readonly args: Arguments;
  /** Where results, progress and notes go. */
  readonly output: Output;
  /** Fires at the first Ctrl-C: stop cleanly within 5 s. */
  readonly signal: AbortSignal;
}

/** A verb of a verb, such as `bip dht ping`. */
export interface SubVerb {
  /** One line of help, no full stop. */
  readonly summary: string;
  /** Fewest and most operands after its name. */
  readonly operands: readonly [number, number];
  /** Synopsis after the name of the verb. */
  readonly usage: string;
  /** Options that are for it, beside those for all. */
  readonly options: readonly string[];
}

/** A verb: what `bip VERB` does. */
export interface Verb {
  /** Its name. */
  readonly name: string;
  /** One line for `bip --help`, no full stop. */
  readonly summary: string;
  /** Synopsis after the name, such as `"FILE.torrent DIR [--json]"`. */
  readonly usage: string;
  /** Paragraphs of help below the synopsis. */
  readonly details?: readonly string[];
  /** Fewest and most operands. */
  readonly operands: readonly [number, number];
  /** Names of the operands that must be there, for messages. */
  readonly operandNames: readonly string[];
  /** Words that may stand as first operand, such as the verbs of `bip dht`. */
  readonly words?: readonly string[];
  /** Verbs of its own, and the options that all of them take. */
  readonly subVerbs?: {
    readonly table: Readonly<Record<string, SubVerb>>;
    readonly common: readonly string[];
  };
  /** What a shell may complete as operand. @default {"file"} */
  readonly complete?: "file" | "folder" | "none";
  /** Permissions it needs, such as `"--allow-read"`. */
  readonly permissions: string;
  /** Its options, beside `--help`. */
  readonly options: readonly OptionSpec[];
  /**
   * Does the work.
   *
   * @param context What it works with.
   * @returns The exit code.
   */
  run(context: VerbContext): Promise<number> | number;
}

/** A verb as the table lists it: cheap to show, loaded when used. */
export interface VerbEntry {
  /** Its name. */
  readonly name: string;
  /** One line for `bip --help`. */
  readonly summary: string;
  /**
   * Loads the verb.
   *
   * @returns The verb.
   */
  load(): Promise<Verb>;
}

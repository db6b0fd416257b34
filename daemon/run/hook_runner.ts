/**
 * Runs programs when torrents are complete.
 *
 * @module
 */

/** A complete torrent. */
interface HookFacts {
  /** Its id. */
  readonly id: number;
  /** 40 hex digits. */
  readonly infoHash: string;
  /** Its name, as strangers gave it. */
  readonly name: string;
  /** The folder it is in. */
  readonly dir: string;
  /** Its labels. */
  readonly labels: readonly string[];
  /** Bytes. */
  readonly size: number;
}

/** Longest value. */
const MAX_VALUE = 32_768;

/**
 * Makes variables, under names that scripts for Transmission expect. A value is
 * never part of a command line.
 *
 * @param facts What is told.
 * @returns Variables without control characters.
 */
export function hookEnvironment(facts: HookFacts): Record<string, string> {
  const values: Record<string, string> = {
    ID: String(facts.id),
    HASH: facts.infoHash,
    NAME: facts.name,
    DIR: facts.dir,
    LABELS: facts.labels.join(","),
    BYTES: String(facts.size),
  };
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      `TR_TORRENT_${name}`,
      // deno-lint-ignore no-control-regex -- these are what is taken out
      value.replace(/[\0-\x1f\x7f-\x9f]/g, "_").slice(0, MAX_VALUE),
    ]),
  );
}

/** Programs that run at a time. */
const MAX_RUNNING = 4;

/** What came of a program. */
export interface HookResult {
  /** Its exit code; absent where it could not be run. */
  readonly code?: number;
  /** Why not. */
  readonly message?: string;
}

/** Runs programs, a few at a time, the others in turn. */
export class HookRunner {
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #closed = false;

  /** Programs that run now. */
  get running(): number {
    return this.#running;
  }

  /**
   * Runs a program. No shell: the arguments are what they are.
   *
   * @param argv Program and arguments.
   * @param facts What it is told by its environment.
   * @returns What came of it, or `undefined` if it was closed before.
   */
  async run(
    argv: readonly string[],
    facts: HookFacts,
  ): Promise<HookResult | undefined> {
    if (this.#running >= MAX_RUNNING) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#closed) return undefined;
    this.#running++;
    try {
      const [program, ...args] = argv;
      const { code } = await new Deno.Command(program!, {
        args,
        env: hookEnvironment(facts),
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).output();
      return { code };
    } catch (error) {
      return { message: (error as Error).message };
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  /** Begins no more; those that run go on. */
  close(): void {
    this.#closed = true;
    for (const go of this.#waiting.splice(0)) go();
  }
}

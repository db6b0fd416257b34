/**
 * What a program is told that runs when a torrent is complete.
 *
 * @module
 */

/** A complete torrent. */
export interface HookFacts {
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

/**
 * Verbs of verbs, such as `bip dht ping`.
 *
 * @module
 */
import type { Arguments, SubVerb, Verb } from "./command.ts";
import { UsageError } from "./error.ts";
import { nearest } from "./nearest.ts";

/**
 * Finds out which is meant, and refuses what would be ignored.
 *
 * @param args The command line; the first operand names it.
 * @param verb The verb.
 * @param table What it has.
 * @param common Options for all of them.
 * @returns The one that is meant, and its operands.
 * @throws {UsageError} If there is none, or something does not belong to it.
 */
export function pickSubVerb<S extends SubVerb>(
  args: Arguments,
  verb: Verb,
  table: Readonly<Record<string, S>>,
  common: readonly string[],
): { picked: S; operands: readonly string[] } {
  const [name, ...operands] = args.operands as [string, ...string[]];
  const picked = Object.hasOwn(table, name) ? table[name] : undefined;
  if (picked === undefined) {
    const guess = nearest(name, Object.keys(table));
    throw new UsageError(
      `Unknown verb ${JSON.stringify(name)} of bip ${verb.name}`,
      guess === undefined
        ? `Verbs: ${Object.keys(table).join(", ")}`
        : `Did you mean bip ${verb.name} ${guess}?`,
    );
  }
  const usage = `Usage: bip ${verb.name} ${picked.usage}`;
  const [least, most] = picked.operands;
  if (operands.length < least || operands.length > most) {
    throw new UsageError(
      operands.length < least
        ? `Missing operand of bip ${verb.name} ${name}`
        : `Unexpected operand ${JSON.stringify(operands[most])}`,
      usage,
    );
  }
  for (const { name: option } of verb.options) {
    const isKnown = [...common, ...picked.options].includes(option);
    if (args.has(option) && !isKnown) {
      throw new UsageError(
        `--${option} is not for bip ${verb.name} ${name}`,
        usage,
      );
    }
  }
  return { picked, operands };
}

/**
 * The table of verbs. Each is loaded when it is used, so that the command
 * starts fast. To add one: write `cli/NAME.ts` that exports a `Verb`, and add
 * a line here.
 *
 * @module
 */
import type { VerbEntry } from "./command.ts";

/** All verbs, in the order of `bip --help`. */
export const VERBS: readonly VerbEntry[] = [
  {
    name: "completions",
    summary: "Print a completion script for a shell",
    load: async () => (await import("./completions.ts")).completionsVerb,
  },
];

/**
 * Finds the targets: every `*_target.ts` of this folder.
 *
 * @module
 */
import type { FuzzTarget } from "./fuzz_target.ts";

const FOLDER = new URL("./", import.meta.url);

/**
 * Lists the modules that export a target.
 *
 * @returns Their addresses, in the order of their names.
 */
export function targetModules(): string[] {
  const names: string[] = [];
  for (const entry of Deno.readDirSync(FOLDER)) {
    if (entry.isFile && entry.name.endsWith("_target.ts")) {
      if (entry.name !== "fuzz_target.ts") names.push(entry.name);
    }
  }
  return names.sort().map((name) => new URL(name, FOLDER).href);
}

/**
 * Imports a target.
 *
 * @param module The address of its module.
 * @returns The target.
 * @throws {TypeError} If the module exports no `fuzzTarget`.
 */
export async function importTarget(module: string): Promise<FuzzTarget> {
  const { fuzzTarget } = await import(module);
  if (
    typeof fuzzTarget?.name !== "string" ||
    typeof fuzzTarget.seeds !== "function" ||
    typeof fuzzTarget.run !== "function"
  ) {
    throw new TypeError(`Module ${module} must export a fuzzTarget`);
  }
  return fuzzTarget;
}

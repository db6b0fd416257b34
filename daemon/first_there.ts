/**
 * Whether there is room for files by their names.
 *
 * @module
 */

/**
 * Looks for what is in the way of files.
 *
 * @param dir A folder.
 * @param names Paths in it, with `/`.
 * @returns The first at which there is something, if any.
 */
export async function firstThere(
  dir: string,
  names: readonly string[],
): Promise<string | undefined> {
  for (const name of names) {
    try {
      await Deno.lstat(`${dir}/${name}`);
      return name;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      throw error;
    }
  }
  return undefined;
}

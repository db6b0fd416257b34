/**
 * Paths as the person and the system write them.
 *
 * @module
 */

const WINDOWS = Deno.build.os === "windows";

/**
 * Joins a folder with safe path components.
 *
 * @param folder A path as the person wrote it.
 * @param parts Components; none may hold a separator.
 * @returns The joined path.
 */
export function joinPath(folder: string, parts: readonly string[]): string {
  const separator = WINDOWS ? "\\" : "/";
  const tail = parts.join(separator);
  if (folder === "") return tail;
  return /[/]$/.test(folder) || (WINDOWS && folder.endsWith("\\"))
    ? folder + tail
    : folder + separator + tail;
}

/**
 * The folder that holds a path.
 *
 * @param path A path as the person wrote it.
 * @returns The folder; `.` when the path has only one component.
 */
export function folderOf(path: string): string {
  const match = (WINDOWS ? /^(.*[/\\])[^/\\]*$/s : /^(.*\/)[^/]*$/s).exec(path);
  return match === null ? "." : match[1]!;
}

/**
 * The last component of a path.
 *
 * @param path A path as the person wrote it.
 * @returns The name, without slashes; empty for a root.
 */
export function nameOf(path: string): string {
  const pattern = WINDOWS ? /([^/\\]*)[/\\]*$/ : /([^/]*)\/*$/;
  return pattern.exec(path)![1]!;
}

/**
 * Finds a path that ends in a name: `.` and `..` are looked up.
 *
 * @param path A path as the person wrote it, of something that is there.
 * @returns The path, without slashes at its end.
 */
export async function namedPath(path: string): Promise<string> {
  return /(^|[/\\])\.{1,2}[/\\]*$|^[/\\]*$/.test(path)
    ? await Deno.realPath(path)
    : path.replace(/(?<=[^/\\])[/\\]+$/, "");
}

/**
 * Which paths say where they lead, whatever the folder one stands in.
 *
 * @module
 */

/** Whether a path is absolute, on this or another system. */
export function isAbsolutePath(path: string): boolean {
  return /^(\/|[A-Za-z]:[\\/]|\\\\)/.test(path);
}

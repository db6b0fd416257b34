/**
 * JSON that was kept, if it is any.
 *
 * @module
 */

/** Reads an object; what is none is an empty one. */
export function readJson(text: unknown): object {
  try {
    const value = JSON.parse(String(text ?? "{}"));
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

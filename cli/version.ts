/**
 * The package's version, the same as in deno.json.
 *
 * @module
 */

/** Semantic version of this package. */
export const VERSION = "0.1.0";

/**
 * Bounds how often a state may change.
 *
 * @module
 */
import { TokenBucket } from "../../_shared/token_bucket.ts";
import { FLIP_WINDOW_MS } from "../limits.ts";

/** So many changes in ten seconds: each takes one. */
export function flipLimit(most: number): TokenBucket {
  return new TokenBucket(most * 1000 / FLIP_WINDOW_MS, most, 0);
}

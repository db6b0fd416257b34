/**
 * When a socket may be read.
 *
 * @module
 */
import type { RateLimiter } from "./rate_limiter.ts";

/**
 * Tells what keeps us from reading: memory, or one of the limits.
 *
 * @param pressure Gives a promise while memory is short.
 * @param limits All of them must let us pass.
 * @returns A promise that resolves when nothing does any more, or `undefined`
 * when nothing does now.
 */
export function readGate(
  pressure: () => Promise<void> | undefined,
  limits: readonly RateLimiter[],
): Promise<void> | undefined {
  const wait = obstacle(pressure, limits);
  return wait && clear(wait, pressure, limits);
}

function obstacle(
  pressure: () => Promise<void> | undefined,
  limits: readonly RateLimiter[],
): Promise<void> | undefined {
  const short = pressure();
  if (short !== undefined) return short;
  for (const limit of limits) {
    const wait = limit.take(0);
    if (wait !== undefined) return wait;
  }
  return undefined;
}

async function clear(
  first: Promise<void>,
  pressure: () => Promise<void> | undefined,
  limits: readonly RateLimiter[],
): Promise<void> {
  let wait: Promise<void> | undefined = first;
  while (wait !== undefined) {
    await wait;
    wait = obstacle(pressure, limits);
  }
}

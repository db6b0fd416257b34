/** A figure that swings, over time. */

/** A figure at a moment. */
export interface Sample {
  /** Milliseconds. */
  readonly at: number;
  readonly value: number;
}

/**
 * Least of each part of the time, as garbage that waits says nothing.
 *
 * @param samples In order.
 * @param partMs Length of a part.
 */
export function floors(samples: readonly Sample[], partMs: number): Sample[] {
  const least = new Map<number, Sample>();
  for (const sample of samples) {
    const part = Math.floor(sample.at / partMs);
    const known = least.get(part);
    if (known === undefined || sample.value < known.value) {
      least.set(part, sample);
    }
  }
  return [...least.values()];
}

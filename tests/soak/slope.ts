/** How a figure grows over time, whatever it does in between. */

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

/**
 * The line's slope that fits best by least squares, by what a sample's value is in,
 * a minute; 0 for fewer than two samples.
 */
export function slopePerMinute(samples: readonly Sample[]): number {
  const count = samples.length;
  if (count < 2) return 0;
  const mean = (of: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / count;
  const at = mean((sample) => sample.at);
  const value = mean((sample) => sample.value);
  const spread = mean((sample) => (sample.at - at) ** 2);
  if (spread === 0) return 0;
  return 60_000 *
    mean((sample) => (sample.at - at) * (sample.value - value)) / spread;
}

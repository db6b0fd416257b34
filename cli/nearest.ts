/**
 * The nearest of a few words, for "did you mean".
 *
 * @module
 */

/** How many letters must be added, dropped, changed or swapped. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let k = 1; k <= b.length; k++) {
      let least = Math.min(
        row[k]! + 1,
        next[k - 1]! + 1,
        row[k - 1]! + (a[i - 1] === b[k - 1] ? 0 : 1),
      );
      if (i > 1 && k > 1 && a[i - 1] === b[k - 2] && a[i - 2] === b[k - 1]) {
        least = Math.min(least, before[k - 2]! + 1);
      }
      next.push(least);
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}

/**
 * Finds the word that was probably meant.
 *
 * @param typed What was typed.
 * @param words What exists.
 * @returns The nearest word, or `undefined` when none is near.
 */
export function nearest(
  typed: string,
  words: readonly string[],
): string | undefined {
  if (typed.length === 0 || typed.length > 40) return undefined;
  let best: string | undefined;
  let least = Math.max(1, Math.floor(typed.length / 3)) + 1;
  for (const word of words) {
    const far = word.startsWith(typed) ? 0 : distance(typed, word);
    if (far < least) {
      least = far;
      best = word;
    }
  }
  return best;
}

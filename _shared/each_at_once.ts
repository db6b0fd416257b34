/**
 * Work on many things, a few at a time.
 *
 * @module
 */

/**
 * Does something for each item, at most `limit` at once. After a failure no
 * more is begun, and what is under way ends before the first failure is thrown:
 * nothing goes on behind the caller's back.
 */
export async function eachAtOnce<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void> | undefined,
): Promise<void> {
  const failures: unknown[] = [];
  // One iterator for all: each takes what the others left.
  const rest = Iterator.from(items);
  const worker = async () => {
    try {
      for (;;) {
        const { done, value } = rest.next();
        if (done || failures.length > 0) return;
        await work(value);
      }
    } catch (error) {
      failures.push(error);
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failures.length > 0) throw failures[0];
}

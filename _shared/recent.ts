/**
 * What is remembered of strangers, and bounded.
 *
 * @module
 */

/** Puts an entry at the end of a map, which forgets its first when it is full. */
export function remember<K, V>(
  map: Map<K, V>,
  key: K,
  value: V,
  most: number,
): void {
  if (!map.delete(key) && map.size >= most) {
    const [first] = map.keys();
    map.delete(first!);
  }
  map.set(key, value);
}

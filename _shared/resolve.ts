/**
 * Names to addresses, by the system's resolver.
 *
 * @module
 */

/** Resolves a name to all of its IP addresses. Needs `--allow-net`. */
export async function systemResolve(hostname: string): Promise<string[]> {
  const { lookup } = await import("node:dns/promises");
  const found = await lookup(hostname, { all: true });
  return found.map(({ address }) => address);
}

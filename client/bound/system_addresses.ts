/**
 * The machine's own addresses.
 *
 * @module
 */

/** Bit of an interface that is up, in its flags. */
const IFF_UP = 1;

/** Whether an interface is up, as far as that can be seen. */
function isUp(name: string, root: string): boolean {
  if (Deno.build.os !== "linux" || /[^\w.:@-]/.test(name)) return true;
  const path = `${root}/${name.replace(/:.*/, "")}/flags`;
  try {
    // What is below /sys may be read only where all is permitted.
    const all = ["read", "write", "run"] as const;
    const isFree = all.every((kind) =>
      Deno.permissions.querySync({ name: kind }).state === "granted"
    );
    return !isFree || (Number(Deno.readTextFileSync(path)) & IFF_UP) !== 0;
  } catch {
    return true;
  }
}

/**
 * Lists the addresses of interfaces that are up. Needs
 * `--allow-sys=networkInterfaces`.
 *
 * @param root Where the system tells of each interface.
 */
export function systemAddresses(
  root = "/sys/class/net",
): { name: string; address: string }[] {
  const known = new Map<string, boolean>();
  return Deno.networkInterfaces().filter(({ name }) => {
    const up = known.get(name) ?? isUp(name, root);
    known.set(name, up);
    return up;
  }).map(({ name, address }) => ({ name, address }));
}

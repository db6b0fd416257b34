/**
 * What nodes are spread over.
 *
 * @module
 */
import { ipScope, subnetKey } from "../../_shared/address.ts";

/**
 * A key shared by addresses of which one node is enough: those of a subnet, as
 * one operator has them all. In a local network every address is a machine of
 * its own, and all of them share a subnet.
 */
export function networkKey(ip: Uint8Array): string {
  const scope = ipScope(ip);
  return scope === "private" || scope === "link-local"
    ? ip.join(".")
    : subnetKey(ip);
}

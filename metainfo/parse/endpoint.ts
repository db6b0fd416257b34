/**
 * Endpoints named by strangers: only hosts and ports that can be dialled.
 *
 * @module
 */
import {
  type Endpoint,
  formatIp,
  tryParseEndpoint,
  tryParseIp,
} from "../../_shared/address.ts";

export type { Endpoint };

/**
 * Checks a host and a port. Returns the endpoint, an IP address in normal form;
 * `undefined` for a name that is none or a port outside 1 to 65535.
 */
export function tryMakeEndpoint(
  hostname: string,
  port: number,
): Endpoint | undefined {
  if (!Number.isInteger(port) || port < 1 || port > 65535) return undefined;
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const ip = tryParseIp(host);
  if (ip !== undefined) return { hostname: formatIp(ip), port };
  if (
    host.length > 253 || !/^[\p{L}\p{N}._-]+$/u.test(host) ||
    /^[\d.]+$/.test(host)
  ) return undefined;
  return { hostname: host, port };
}

/**
 * Parses `host:port` or `[v6]:port` of a stranger. Returns the endpoint, or
 * `undefined` when it cannot be dialled.
 */
export function tryParseDialable(text: string): Endpoint | undefined {
  const endpoint = tryParseEndpoint(text);
  return endpoint && tryMakeEndpoint(endpoint.hostname, endpoint.port);
}

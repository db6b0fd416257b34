/**
 * Addresses on the command line.
 *
 * @module
 */
import {
  type Endpoint,
  tryParseEndpoint,
  tryParseIp,
} from "../_shared/address.ts";
import type { Arguments } from "./command.ts";
import { UsageError } from "./error.ts";

/**
 * Reads an option that is an IP address, which may stand in brackets.
 *
 * @param args What the person typed.
 * @param name The option's name.
 * @returns The address without brackets, or `undefined`.
 * @throws {UsageError} If the value is no address.
 */
export function ipOf(args: Arguments, name: string): string | undefined {
  const ip = args.get(name)?.replace(/^\[(.*)\]$/, "$1");
  if (ip === undefined || tryParseIp(ip) !== undefined) return ip;
  throw new UsageError(
    `--${name} must be an IP address, not ${JSON.stringify(ip)}`,
  );
}

/**
 * Reads HOST:PORT.
 *
 * @param text What the person typed.
 * @param what What it is for, for the message.
 * @returns The address.
 * @throws {UsageError} If it is none.
 */
export function parseAddress(text: string, what: string): Endpoint {
  const endpoint = tryParseEndpoint(text);
  if (endpoint !== undefined && endpoint.port > 0) return endpoint;
  throw new UsageError(
    `${what} must be HOST:PORT, not ${JSON.stringify(text)}`,
  );
}

/**
 * Reads an option that takes addresses.
 *
 * @param args What the person typed.
 * @param name The option's name.
 * @returns The addresses.
 * @throws {UsageError} If one is none.
 */
export function addressesOf(args: Arguments, name: string): Endpoint[] {
  return args.all(name).map((text) => parseAddress(text, `--${name}`));
}

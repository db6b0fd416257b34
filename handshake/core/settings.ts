/**
 * Defaults and check of the handshaker's options.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import { type ByteTransport, tcpTransport } from "../../_shared/byte_conn.ts";
import { type Clock, systemClock } from "../../_shared/clock.ts";
import { type RandomSource, systemRandom } from "../../_shared/random.ts";
import {
  ENCRYPTION_POLICIES,
  type EncryptionPolicy,
} from "../encryption_policy.ts";
import { ExtensionBits } from "../extension_bits.ts";
import { HandshakeFilters } from "../filter.ts";
import type { HandshakerOptions } from "../handshaker_options.ts";
import { createPeerId } from "../peer_id.ts";

/** Checked options with every default filled in. */
export interface HandshakerSettings {
  /** Our 20-byte peer id. */
  readonly peerId: Uint8Array;
  /** What we tell to speak. */
  readonly extensions: ExtensionBits;
  /** How connections are made, the first choice first. */
  readonly transports: readonly ByteTransport[];
  /** Where to listen. */
  readonly listen: readonly Endpoint[];
  /** Number options. */
  readonly limits: Readonly<Record<HandshakerLimit, number>>;
  /** See the option. */
  readonly exemptLoopback: boolean;
  /** Protocols for which any hash is accepted. */
  readonly acceptAny: readonly string[] | "any";
  /** Who may shake hands. */
  readonly filters: HandshakeFilters;
  /** Whether connections are encrypted. */
  readonly encryption: EncryptionPolicy;
  /** Closes a connection, and tells whether it did. */
  readonly makeRoom: () => boolean;
  /** Source of random bytes. */
  readonly random: RandomSource;
  /** Clock to use. */
  readonly clock: Clock;
}

/** Names and defaults of the number options. */
const DEFAULTS = {
  connectTimeoutMs: 15_000,
  handshakeTimeoutMs: 10_000,
  maxHalfOpen: 100,
  maxHalfOpenPerTorrent: 25,
  connectsPerSecond: 30,
  maxQueued: 1000,
  maxPendingInbound: 128,
  maxPendingInboundPerIp: 16,
  inboundPerIpPerSecond: 10,
  maxPerIp: 64,
  maxPerIpPerTorrent: 4,
  maxWaiting: 128,
};

/** Name of a number option. */
export type HandshakerLimit = keyof typeof DEFAULTS;

/**
 * Checks options and fills in defaults.
 *
 * @param options See {@linkcode HandshakerOptions}.
 * @returns The settings.
 * @throws {RangeError} If a number is not positive, or the peer id does not
 * have 20 bytes.
 */
export function resolveHandshakerOptions(
  options: HandshakerOptions,
): HandshakerSettings {
  const limits: Record<HandshakerLimit, number> = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS) as HandshakerLimit[]) {
    const value = options[name];
    if (value === undefined) continue;
    if (typeof value !== "number" || !(value > 0)) {
      throw new RangeError(
        `Cannot use ${value} as "${name}": it must be a positive number`,
      );
    }
    limits[name] = value;
  }
  const {
    listen = false,
    acceptAnyInfoHash = false,
    transports = [tcpTransport],
  } = options;
  if (!transports.some(({ dials = true }) => dials)) {
    throw new RangeError(
      'Cannot use no "transports": there must be one that dials',
    );
  }
  const encryption = options.encryption ?? "allow";
  if (!ENCRYPTION_POLICIES.includes(encryption)) {
    throw new RangeError(
      `Cannot use "${encryption}" as "encryption": it must be one of ${
        ENCRYPTION_POLICIES.join(", ")
      }`,
    );
  }
  const random = options.random ?? systemRandom;
  const peerId = options.peerId?.slice() ?? createPeerId(random);
  if (peerId.length !== 20) {
    throw new RangeError(
      `Cannot use a peer id of ${peerId.length} bytes: it must have 20`,
    );
  }
  return {
    peerId,
    extensions: options.extensions ??
      ExtensionBits.of("extension-protocol", "fast"),
    transports,
    listen: listen === false
      ? []
      : Array.isArray(listen)
      ? listen
      : [listen as Endpoint],
    limits,
    exemptLoopback: options.exemptLoopback ?? true,
    acceptAny: acceptAnyInfoHash === true
      ? "any"
      : acceptAnyInfoHash === false
      ? []
      : acceptAnyInfoHash,
    filters: options.filters ?? new HandshakeFilters(),
    encryption,
    makeRoom: options.makeRoom ?? (() => false),
    random,
    clock: options.clock ?? systemClock,
  };
}

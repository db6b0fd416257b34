/**
 * Whether connections are encrypted.
 *
 * @module
 */
import type { MseMethod } from "./encryption/mse_machine.ts";

/**
 * Whether connections are encrypted (message stream encryption):
 *
 * - `off`: neither dialled nor understood
 * - `allow`: dialled in the clear first; both kinds are accepted
 * - `prefer`: dialled encrypted first; both kinds are accepted
 * - `require`: nothing else; after the handshake the payload may be plain
 * - `require-rc4`: nothing else, and the payload is RC4
 */
export type EncryptionPolicy =
  | "off"
  | "allow"
  | "prefer"
  | "require"
  | "require-rc4";

/** All policies. */
export const ENCRYPTION_POLICIES: readonly EncryptionPolicy[] = [
  "off",
  "allow",
  "prefer",
  "require",
  "require-rc4",
];

/** How a connection travels: not encrypted, or behind an exchange of keys. */
export type ConnectionEncryption = "none" | "plaintext" | "rc4";

/** The methods that a policy offers and accepts. */
export function mseMethods(policy: EncryptionPolicy): readonly MseMethod[] {
  return policy === "require-rc4" ? ["rc4"] : ["plaintext", "rc4"];
}

/** Whether a policy lets connections be plain. */
export function allowsPlain(policy: EncryptionPolicy): boolean {
  return !policy.startsWith("require");
}

/**
 * Whether to dial encrypted, in the order of the attempts.
 *
 * @param policy See {@linkcode EncryptionPolicy}.
 * @param guess What to try with this peer, when it was dialled before.
 * @returns One or two attempts; each needs a connection of its own.
 */
export function encryptionOrder(
  policy: EncryptionPolicy,
  guess: boolean | undefined,
): readonly boolean[] {
  if (policy === "off") return [false];
  if (!allowsPlain(policy)) return [true];
  if (guess !== undefined) return [guess];
  return policy === "prefer" ? [true, false] : [false, true];
}

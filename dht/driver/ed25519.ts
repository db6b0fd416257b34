/**
 * Ed25519 signatures of items (BEP 44).
 *
 * @module
 */
import { concatBytes, plainBytes } from "../../_shared/bytes.ts";
import { checkLength } from "../check_options.ts";

/** A key that can sign. */
export interface Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Makes a signature of 64 bytes. */
  sign(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
}

/** What precedes an Ed25519 seed in PKCS #8 (RFC 8410). */
const PKCS8_ED25519 = Uint8Array.of(
  ...[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06],
  ...[0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20],
);

/** Whether a signature is valid; never rejects. */
export async function verifySignature(
  publicKey: Uint8Array,
  signature: Uint8Array,
  message: Uint8Array,
): Promise<boolean> {
  try {
    const usages: KeyUsage[] = ["verify"];
    const bytes = plainBytes(publicKey);
    const key = await crypto.subtle
      .importKey("raw", bytes, "Ed25519", false, usages);
    return await crypto.subtle
      .verify("Ed25519", key, plainBytes(signature), plainBytes(message));
  } catch {
    // No point of the curve.
    return false;
  }
}

/** Makes a signer of a 32-byte secret key. */
export async function importSecretKey(secretKey: Uint8Array): Promise<Signer> {
  checkLength("a secret key", secretKey, 32);
  const pkcs8 = concatBytes([PKCS8_ED25519, secretKey]);
  const key = await crypto.subtle
    .importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
  const { x } = await crypto.subtle.exportKey("jwk", key);
  return {
    publicKey: Uint8Array.fromBase64(x!, { alphabet: "base64url" }),
    sign: async (message) =>
      new Uint8Array(await crypto.subtle.sign("Ed25519", key, message)),
  };
}

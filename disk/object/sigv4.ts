/**
 * Signature Version 4 of AWS as text: what is hashed and signed, and the header
 * that comes of it. The hashes themselves are the caller's.
 *
 * @module
 */
import { encodeText, toHex } from "../../_shared/bytes.ts";

/** A name and a value, neither of them encoded. */
export type Pair = readonly [name: string, value: string];

/** What of a request is signed. */
export interface SignableRequest {
  /** Such as `GET`. */
  readonly method: string;
  /** Path as it is sent: encoded, with a leading slash. */
  readonly path: string;
  /** Query, not encoded. */
  readonly query: readonly Pair[];
  /** Headers, `host` among them, names in lower case. */
  readonly headers: readonly Pair[];
  /** SHA-256 of the body in hex, or `UNSIGNED-PAYLOAD`. */
  readonly payloadHash: string;
}

/** When and for what a signature is valid. */
export interface SigningScope {
  /** Time as `20130524T000000Z`. */
  readonly time: string;
  /** Region such as `us-east-1`. */
  readonly region: string;
}

const UNRESERVED = /[A-Za-z0-9._~-]/;

/** Encodes a key or value: every byte but unreserved ones; slashes on demand. */
export function encodeS3(text: string, keepsSlashes = false): string {
  let encoded = "";
  for (const byte of encodeText(text)) {
    const char = String.fromCharCode(byte);
    encoded += UNRESERVED.test(char) || keepsSlashes && char === "/"
      ? char
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** Writes a query in the one order and form that is signed. */
export function canonicalQuery(query: readonly Pair[]): string {
  return query
    .map(([name, value]) => [encodeS3(name), encodeS3(value)] as const)
    .sort(([a, x], [b, y]) => a < b ? -1 : a > b ? 1 : x < y ? -1 : 1)
    .map((pair) => pair.join("="))
    .join("&");
}

/** Writes a time such as `2013-05-24T00:00:00.000Z` as one of signing. */
export function signingTime(isoTime: string): string {
  return isoTime.replace(/[-:]|\.\d+/g, "");
}

/** Names of the headers that are signed. */
function signedNames({ headers }: SignableRequest): string {
  return headers.map(([name]) => name).sort().join(";");
}

/** Writes a request in the one form that is hashed. */
export function canonicalRequest(request: SignableRequest): string {
  const { method, path, query, headers, payloadHash } = request;
  const lines = headers
    .map(([name, value]) => `${name}:${value.trim().replace(/ +/g, " ")}\n`)
    .sort();
  return [
    method,
    path,
    canonicalQuery(query),
    lines.join(""),
    signedNames(request),
    payloadHash,
  ].join("\n");
}

/** Day, region, service: what a derived key is good for. */
function scopeOf({ time, region }: SigningScope): string {
  return `${time.slice(0, 8)}/${region}/s3/aws4_request`;
}

/** Writes what is signed; of the request only its hash, in hex. */
export function stringToSign(
  scope: SigningScope,
  requestHash: string,
): string {
  return `AWS4-HMAC-SHA256\n${scope.time}\n${scopeOf(scope)}\n${requestHash}`;
}

/**
 * The steps by which the signing key comes from the secret: the first key, and
 * the texts whose HMACs are each the next key.
 */
export function keySteps(
  secretAccessKey: string,
  { time, region }: SigningScope,
): readonly [first: string, ...texts: string[]] {
  return [
    `AWS4${secretAccessKey}`,
    time.slice(0, 8),
    region,
    "s3",
    "aws4_request",
  ];
}

/** Writes the header `authorization`. */
export function formatAuthorization(
  accessKeyId: string,
  scope: SigningScope,
  request: SignableRequest,
  signature: Uint8Array,
): string {
  return `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${
    scopeOf(scope)
  },SignedHeaders=${signedNames(request)},Signature=${toHex(signature)}`;
}

/**
 * Datagrams to messages. Junk is the normal case: nothing is thrown.
 *
 * @module
 */
import type { IpFamily } from "../../_shared/address.ts";
import { decodeTextLossy } from "../../_shared/bytes.ts";
import { tryDecodeBencode } from "../../bencode/decode.ts";
import {
  INNER,
  KrpcFields,
  readInteger,
  skipValue,
  stringBody,
  stringLength,
  TOP,
} from "./reader.ts";
import {
  type KrpcDrop,
  type KrpcErrorMessage,
  type KrpcErrorReply,
  type KrpcMessage,
  type KrpcMethod,
  type KrpcPutMutable,
  type KrpcQuery,
  type KrpcResponse,
  MAX_ITEM_SEQ,
  MAX_TOKEN_LENGTH,
  MAX_TRANSACTION_ID_LENGTH,
} from "../krpc.ts";

/** No message is shorter. */
const MIN_LENGTH = 15;
const MAX_VERSION_LENGTH = 16;
const MAX_MESSAGE_LENGTH = 256;
/** BEP 51. */
const MAX_INTERVAL = 21600;

const WANT_4: readonly IpFamily[] = [4];
const WANT_6: readonly IpFamily[] = [6];
const WANT_BOTH: readonly IpFamily[] = [4, 6];

const METHODS: readonly KrpcMethod[] = [
  "ping",
  "find_node",
  "get_peers",
  "announce_peer",
  "get",
  "put",
  "sample_infohashes",
];

const top = new KrpcFields(TOP);
const inner = new KrpcFields(INNER);

/**
 * Decodes a datagram. Source: BEP 5, 32, 33, 42, 43, 44, 51.
 *
 * A query of an unknown name that has a target or an info-hash is taken for a
 * find_node. Unknown keys are ignored, keys may come in any order, and of
 * optional fields those of a wrong type count as missing. All byte strings are
 * views of the datagram: copy what is kept longer than the datagram's buffer.
 *
 * @param bytes The datagram, of any length.
 * @returns A message; or an error that is to be sent back, for a malformed
 * (203) or unknown (204) query; or a drop, for anything else.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { tryDecodeKrpc } from "@bip/bip/dht";
 *
 * const bytes = new TextEncoder().encode(
 *   "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe",
 * );
 * const message = tryDecodeKrpc(bytes);
 * assertEquals(message.type === "query" && message.method, "ping");
 * ```
 */
export function tryDecodeKrpc(
  bytes: Uint8Array,
): KrpcMessage | KrpcDrop | KrpcErrorReply {
  if (bytes.length < MIN_LENGTH) return drop("too-short");
  if (top.read(bytes, 0) !== bytes.length) return drop("not-bencode");
  const transactionId = top.string(bytes, TOP.t);
  if (
    transactionId === undefined || transactionId.length === 0 ||
    transactionId.length > MAX_TRANSACTION_ID_LENGTH
  ) return drop("no-transaction-id");
  const type = top.start(TOP.y);
  if (
    type === 0 || stringBody(bytes, type) < 0 || stringLength !== 1
  ) return drop("unknown-type");
  switch (bytes[top.end(TOP.y) - 1]) {
    case 0x71:
      return decodeQuery(bytes, transactionId);
    case 0x72:
      return decodeResponse(bytes, transactionId);
    case 0x65:
      return decodeError(bytes, transactionId);
  }
  return drop("unknown-type");
}

function drop(
  reason: KrpcDrop["reason"],
  transactionId?: Uint8Array,
): KrpcDrop {
  return { type: "drop", reason, transactionId };
}

function refuse(
  transactionId: Uint8Array,
  readOnly: boolean,
  message: string,
  code: 203 | 204 = 203,
): KrpcErrorReply {
  return { type: "error-reply", transactionId, code, message, readOnly };
}

function version(bytes: Uint8Array): Uint8Array | undefined {
  const value = top.string(bytes, TOP.v);
  return value !== undefined && value.length <= MAX_VERSION_LENGTH
    ? value
    : undefined;
}

function ip(bytes: Uint8Array): Uint8Array | undefined {
  return top.fixed(bytes, TOP.ip, 6) ?? top.fixed(bytes, TOP.ip, 18);
}

function decodeQuery(
  bytes: Uint8Array,
  transactionId: Uint8Array,
): KrpcQuery | KrpcErrorReply {
  const readOnly = top.integer(bytes, TOP.ro) === 1;
  let method = findMethod(bytes);
  if (method === undefined && top.string(bytes, TOP.q) === undefined) {
    return refuse(transactionId, readOnly, "Missing query name");
  }
  const args = top.start(TOP.a);
  method ??= likeFindNode(bytes, args);
  if (method === undefined) {
    return refuse(transactionId, readOnly, "Method Unknown", 204);
  }
  if (args === 0 || inner.read(bytes, args) < 0) {
    return refuse(transactionId, readOnly, "Missing arguments");
  }
  const id = inner.fixed(bytes, INNER.id, 20);
  if (id === undefined) {
    return refuse(transactionId, readOnly, "Invalid id: expected 20 bytes");
  }
  const type = "query";
  const sender = version(bytes);
  if (method === "ping") {
    return { type, method, transactionId, id, readOnly, version: sender };
  }
  const base = { type, transactionId, id, readOnly, version: sender } as const;
  if (method === "put") {
    const put = decodePut(bytes);
    return typeof put === "string"
      ? refuse(transactionId, readOnly, put)
      : { ...base, ...put };
  }
  const isOfHash = method === "get_peers" || method === "announce_peer";
  let target = inner.fixed(
    bytes,
    isOfHash ? INNER.info_hash : INNER.target,
    20,
  );
  if (method === "find_node") {
    target ??= inner.fixed(bytes, INNER.info_hash, 20);
  }
  if (target === undefined) {
    const name = isOfHash ? "info_hash" : "target";
    return refuse(
      transactionId,
      readOnly,
      `Invalid ${name}: expected 20 bytes`,
    );
  }
  switch (method) {
    case "find_node":
    case "sample_infohashes":
      return {
        type,
        method,
        transactionId,
        id,
        readOnly,
        version: sender,
        target,
        want: want(bytes),
      };
    case "get_peers":
      return {
        type,
        method,
        transactionId,
        id,
        readOnly,
        version: sender,
        infoHash: target,
        want: want(bytes),
        noSeed: inner.integer(bytes, INNER.noseed) === 1,
        scrape: inner.integer(bytes, INNER.scrape) === 1,
      };
    case "get": {
      const seq = inner.bigInteger(bytes, INNER.seq);
      return { ...base, method, target, seq, want: want(bytes) };
    }
    case "announce_peer": {
      const announce = decodeAnnounce(bytes);
      return typeof announce === "string"
        ? refuse(transactionId, readOnly, announce)
        : { ...base, method, infoHash: target, ...announce };
    }
  }
}

/** Reads an announce but for its info-hash; the text says what is wrong. */
function decodeAnnounce(bytes: Uint8Array) {
  const given = token(bytes);
  if (given === undefined) return "Missing token";
  const implied = inner.integer(bytes, INNER.implied_port);
  const impliedPort = implied === undefined ? undefined : implied !== 0;
  let port = inner.integer(bytes, INNER.port);
  if (port === undefined || port < 1 || port > 65535) {
    if (impliedPort !== true) return "Invalid port: expected 1 to 65535";
    port = 0;
  }
  const seed = inner.integer(bytes, INNER.seed) === 1;
  return { port, impliedPort, token: given, seed };
}

/** Reads a put; the text says what is wrong. */
function decodePut(bytes: Uint8Array) {
  const given = token(bytes);
  if (given === undefined) return "Missing token";
  const value = canonicalValue(bytes);
  if (value === undefined) return "Invalid v: expected bencode";
  const target = inner.fixed(bytes, INNER.target, 20);
  const hasKey = inner.start(INNER.k) !== 0;
  if (!hasKey && inner.start(INNER.sig) !== 0) return "Missing k";
  const mutable = hasKey ? decodeMutable(bytes) : undefined;
  if (typeof mutable === "string") return mutable;
  const put = { method: "put", token: given, value, mutable } as const;
  return target === undefined ? put : { ...put, target };
}

/** Reads what signs an item; the text says what is wrong. */
function decodeMutable(bytes: Uint8Array): KrpcPutMutable | string {
  const publicKey = inner.fixed(bytes, INNER.k, 32);
  if (publicKey === undefined) return "Invalid k: expected 32 bytes";
  const signature = inner.fixed(bytes, INNER.sig, 64);
  if (signature === undefined) return "Invalid sig: expected 64 bytes";
  const seq = inner.bigInteger(bytes, INNER.seq);
  if (seq === undefined || seq < 0n || seq > MAX_ITEM_SEQ) {
    return "Invalid seq: expected 0 to 2^63 - 1";
  }
  let salt: Uint8Array | undefined;
  if (inner.start(INNER.salt) !== 0) {
    salt = inner.string(bytes, INNER.salt);
    if (salt === undefined) return "Invalid salt: expected a string";
  }
  let cas: bigint | undefined;
  if (inner.start(INNER.cas) !== 0) {
    cas = inner.bigInteger(bytes, INNER.cas);
    if (cas === undefined || cas < 0n || cas > MAX_ITEM_SEQ) {
      return "Invalid cas: expected 0 to 2^63 - 1";
    }
  }
  return { publicKey, seq, signature, salt, cas };
}

function decodeResponse(
  bytes: Uint8Array,
  transactionId: Uint8Array,
): KrpcResponse | KrpcDrop {
  const start = top.start(TOP.r);
  if (start === 0 || inner.read(bytes, start) < 0) {
    return drop("bad-response", transactionId);
  }
  const id = inner.fixed(bytes, INNER.id, 20);
  const nodes = inner.string(bytes, INNER.nodes);
  const nodes6 = inner.string(bytes, INNER.nodes6);
  const hasValue = inner.start(INNER.v) !== 0;
  const value = hasValue ? canonicalValue(bytes) : undefined;
  if (
    id === undefined || isRagged(nodes, 26) || isRagged(nodes6, 38) ||
    (hasValue && value === undefined)
  ) return drop("bad-response", transactionId);
  let seq = inner.bigInteger(bytes, INNER.seq);
  if (seq !== undefined && (seq < 0n || seq > MAX_ITEM_SEQ)) seq = undefined;
  let samples = inner.string(bytes, INNER.samples);
  if (samples !== undefined && samples.length % 20 !== 0) samples = undefined;
  return {
    type: "response",
    transactionId,
    id,
    version: version(bytes),
    ip: ip(bytes),
    nodes: nodes !== undefined && nodes.length < 26 ? undefined : nodes,
    nodes6: nodes6 !== undefined && nodes6.length < 38 ? undefined : nodes6,
    values: values(bytes),
    token: token(bytes),
    seedFilter: inner.fixed(bytes, INNER.BFsd, 256),
    peerFilter: inner.fixed(bytes, INNER.BFpe, 256),
    value,
    publicKey: inner.fixed(bytes, INNER.k, 32),
    signature: inner.fixed(bytes, INNER.sig, 64),
    seq,
    interval: count(bytes, INNER.interval, MAX_INTERVAL),
    count: count(bytes, INNER.num, Number.MAX_SAFE_INTEGER),
    samples,
  };
}

function decodeError(
  bytes: Uint8Array,
  transactionId: Uint8Array,
): KrpcErrorMessage | KrpcDrop {
  const bad = () => drop("bad-error", transactionId);
  const start = top.start(TOP.e);
  if (start === 0 || bytes[start] !== 0x6c || bytes[start + 1] !== 0x69) {
    return bad();
  }
  const codeEnd = skipValue(bytes, start + 1);
  if (codeEnd < 0) return bad();
  const code = readInteger(bytes, start + 1, codeEnd);
  const body = stringBody(bytes, codeEnd);
  if (code === undefined || body < 0) return bad();
  const end = body + Math.min(stringLength, MAX_MESSAGE_LENGTH);
  return {
    type: "error",
    transactionId,
    code,
    message: decodeTextLossy(bytes.subarray(body, end)),
    version: version(bytes),
    ip: ip(bytes),
  };
}

function findMethod(bytes: Uint8Array): KrpcMethod | undefined {
  const start = top.start(TOP.q);
  if (start === 0) return undefined;
  const body = stringBody(bytes, start);
  if (body < 0) return undefined;
  const length = stringLength;
  for (let k = 0; k < METHODS.length; k++) {
    const method = METHODS[k]!;
    if (method.length !== length) continue;
    let i = 0;
    while (i < length && bytes[body + i] === method.charCodeAt(i)) i++;
    if (i === length) return method;
  }
  return undefined;
}

/**
 * What a query of the future that names a target is taken for, as others do:
 * nodes that are closer are never a wrong answer.
 */
function likeFindNode(
  bytes: Uint8Array,
  args: number,
): "find_node" | undefined {
  return args !== 0 && inner.read(bytes, args) >= 0 &&
      (inner.fixed(bytes, INNER.target, 20) ??
          inner.fixed(bytes, INNER.info_hash, 20)) !== undefined
    ? "find_node"
    : undefined;
}

function token(bytes: Uint8Array): Uint8Array | undefined {
  const value = inner.string(bytes, INNER.token);
  return value !== undefined && value.length <= MAX_TOKEN_LENGTH
    ? value
    : undefined;
}

function count(
  bytes: Uint8Array,
  slot: number,
  max: number,
): number | undefined {
  const value = inner.integer(bytes, slot);
  return value !== undefined && value >= 0 && value <= max ? value : undefined;
}

/** Whether a list of nodes ends inside one; a stub of the first is none. */
function isRagged(nodes: Uint8Array | undefined, size: number): boolean {
  return nodes !== undefined && nodes.length > size &&
    nodes.length % size !== 0;
}

function want(bytes: Uint8Array): readonly IpFamily[] | undefined {
  let at = inner.start(INNER.want);
  if (at === 0 || bytes[at] !== 0x6c) return undefined;
  at++;
  let bits = 0;
  for (let body = stringBody(bytes, at); body >= 0;) {
    if (stringLength === 2 && bytes[body] === 0x6e) {
      if (bytes[body + 1] === 0x34) bits |= 1;
      if (bytes[body + 1] === 0x36) bits |= 2;
    }
    body = stringBody(bytes, body + stringLength);
  }
  return bits === 0
    ? undefined
    : (bits === 3 ? WANT_BOTH : (bits === 1 ? WANT_4 : WANT_6));
}

function values(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  let at = inner.start(INNER.values);
  if (at === 0 || bytes[at] !== 0x6c) return undefined;
  const result: Uint8Array[] = [];
  const end = inner.end(INNER.values) - 1;
  at++;
  while (at < end) {
    const body = stringBody(bytes, at);
    if (body < 0) {
      at = skipValue(bytes, at);
      if (at < 0) break;
      continue;
    }
    at = body + stringLength;
    if (stringLength === 6 || stringLength === 18) {
      result.push(bytes.subarray(body, at));
    }
  }
  return result;
}

/** The bytes of `v`, when they are canonical. */
function canonicalValue(bytes: Uint8Array): Uint8Array | undefined {
  const start = inner.start(INNER.v);
  if (start === 0) return undefined;
  const value = bytes.subarray(start, inner.end(INNER.v));
  return tryDecodeBencode(value, { maxDepth: 100 }) === undefined
    ? undefined
    : value;
}

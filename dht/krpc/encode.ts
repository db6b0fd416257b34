/**
 * Messages to datagrams, written byte by byte in the order of their keys.
 *
 * @module
 */
import type { IpFamily } from "../../_shared/address.ts";
import { encodeText } from "../../_shared/bytes.ts";
import type {
  KrpcErrorMessage,
  KrpcMessage,
  KrpcQuery,
  KrpcResponse,
} from "../krpc.ts";

const START_ARGUMENTS = encodeText("d1:ad");
const CAS = encodeText("3:cas");
const ID = encodeText("2:id20:");
const IMPLIED_PORT = encodeText("12:implied_port");
const INFO_HASH = encodeText("9:info_hash20:");
const KEY = encodeText("1:k32:");
const NO_SEED = encodeText("6:noseedi1e");
const PORT = encodeText("4:port");
const SALT = encodeText("4:salt");
const SCRAPE = encodeText("6:scrapei1e");
const SEED = encodeText("4:seedi1e");
const SEQ = encodeText("3:seq");
const SIGNATURE = encodeText("3:sig64:");
const TARGET = encodeText("6:target20:");
const TOKEN = encodeText("5:token");
const VALUE = encodeText("1:v");
const READ_ONLY = encodeText("2:roi1e");
const IP = encodeText("2:ip");
const START_ANSWER = encodeText("1:rd");
const PEER_FILTER = encodeText("4:BFpe256:");
const SEED_FILTER = encodeText("4:BFsd256:");
const INTERVAL = encodeText("8:interval");
const NODES = encodeText("5:nodes");
const NODES_6 = encodeText("6:nodes6");
const NUM = encodeText("3:num");
const SAMPLES = encodeText("7:samples");
const VALUES = encodeText("6:valuesl");
const WANT = encodeText("4:wantl");
const N4 = encodeText("2:n4");
const N6 = encodeText("2:n6");
const TRANSACTION = encodeText("1:t");
const VERSION = encodeText("1:v");
const END_QUERY = encodeText("1:y1:qe");
const END_RESPONSE = encodeText("1:y1:re");
const END_ERROR = encodeText("1:y1:ee");
const START_ERROR = encodeText("1:el");

const QUERY_NAMES: Readonly<Record<KrpcQuery["method"], Uint8Array>> = {
  ping: encodeText("e1:q4:ping"),
  find_node: encodeText("e1:q9:find_node"),
  get_peers: encodeText("e1:q9:get_peers"),
  announce_peer: encodeText("e1:q13:announce_peer"),
  get: encodeText("e1:q3:get"),
  put: encodeText("e1:q3:put"),
  sample_infohashes: encodeText("e1:q17:sample_infohashes"),
};

const SLAB_LENGTH = 16_384;
/** Most messages are shorter. */
const ROOM = 2_048;

/**
 * Messages are written one behind the other into a slab, which is never
 * written twice: an array with a buffer of its own costs more than its content.
 */
let out = new Uint8Array(SLAB_LENGTH);
/** Of the message that is being written. */
let start = 0;
let at = 0;

/**
 * Encodes a message in canonical bencode. Source: BEP 5, 32, 33, 42, 43, 44,
 * 51.
 *
 * @param message The message. Keep it within `MAX_KRPC_LENGTH` bytes.
 * @returns The datagram, which nothing else writes to: a view of a larger
 * buffer.
 * @throws {RangeError} If an id, hash, key, signature or filter is not of its
 * length, or a number is no safe integer of at least 0.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeKrpc } from "@bip/bip/dht";
 *
 * const encoder = new TextEncoder();
 * const bytes = encodeKrpc({
 *   type: "response",
 *   transactionId: encoder.encode("aa"),
 *   id: encoder.encode("mnopqrstuvwxyz123456"),
 * });
 * assertEquals(
 *   new TextDecoder().decode(bytes),
 *   "d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re",
 * );
 * ```
 */
export function encodeKrpc(message: KrpcMessage): Uint8Array<ArrayBuffer> {
  if (out.length - start < ROOM) {
    out = new Uint8Array(SLAB_LENGTH);
    start = 0;
  }
  at = start;
  switch (message.type) {
    case "response":
      writeResponse(message);
      break;
    case "query":
      writeQuery(message);
      break;
    case "error":
      writeError(message);
      break;
  }
  const bytes = out.subarray(start, at);
  start = at;
  return bytes;
}

function writeResponse(message: KrpcResponse): void {
  reserve(1024);
  const {
    ip,
    id,
    interval,
    publicKey,
    nodes,
    nodes6,
    count,
    samples,
    seq,
    signature,
    token,
    value,
    values,
    peerFilter,
    seedFilter,
  } = message;
  out[at++] = 0x64;
  if (ip !== undefined) writePair(IP, ip);
  write(START_ANSWER);
  if (peerFilter !== undefined) writeFixed(PEER_FILTER, peerFilter, 256);
  if (seedFilter !== undefined) writeFixed(SEED_FILTER, seedFilter, 256);
  writeFixed(ID, id, 20);
  if (interval !== undefined) writeNumber(INTERVAL, interval);
  if (publicKey !== undefined) writeFixed(KEY, publicKey, 32);
  if (nodes !== undefined) writePair(NODES, nodes);
  if (nodes6 !== undefined) writePair(NODES_6, nodes6);
  if (count !== undefined) writeNumber(NUM, count);
  if (samples !== undefined) writePair(SAMPLES, samples);
  if (seq !== undefined) writeBigInt(SEQ, seq);
  if (signature !== undefined) writeFixed(SIGNATURE, signature, 64);
  if (token !== undefined) writePair(TOKEN, token);
  if (value !== undefined) writeRaw(VALUE, value);
  if (values !== undefined) {
    write(VALUES);
    for (let i = 0; i < values.length; i++) writeString(values[i]!);
    reserve(1);
    out[at++] = 0x65;
  }
  reserve(1);
  out[at++] = 0x65;
  writeEnd(message.transactionId, message.version, END_RESPONSE);
}

function writeQuery(message: KrpcQuery): void {
  reserve(512);
  write(START_ARGUMENTS);
  const cas = message.method === "put" ? message.mutable?.cas : undefined;
  if (cas !== undefined) writeBigInt(CAS, cas);
  writeFixed(ID, message.id, 20);
  switch (message.method) {
    case "find_node":
    case "sample_infohashes":
      writeFixed(TARGET, message.target, 20);
      if (message.want !== undefined) writeWant(message.want);
      break;
    case "get_peers":
      writeFixed(INFO_HASH, message.infoHash, 20);
      if (message.noSeed === true) write(NO_SEED);
      if (message.scrape === true) write(SCRAPE);
      if (message.want !== undefined) writeWant(message.want);
      break;
    case "announce_peer":
      if (message.impliedPort !== undefined) {
        writeNumber(IMPLIED_PORT, message.impliedPort ? 1 : 0);
      }
      writeFixed(INFO_HASH, message.infoHash, 20);
      writeNumber(PORT, message.port);
      if (message.seed === true) write(SEED);
      writePair(TOKEN, message.token);
      break;
    case "get":
      if (message.seq !== undefined) writeBigInt(SEQ, message.seq);
      writeFixed(TARGET, message.target, 20);
      if (message.want !== undefined) writeWant(message.want);
      break;
    case "put": {
      const { mutable, target } = message;
      if (mutable !== undefined) {
        writeFixed(KEY, mutable.publicKey, 32);
        if (mutable.salt !== undefined) writePair(SALT, mutable.salt);
        writeBigInt(SEQ, mutable.seq);
        writeFixed(SIGNATURE, mutable.signature, 64);
      }
      if (target !== undefined) writeFixed(TARGET, target, 20);
      writePair(TOKEN, message.token);
      writeRaw(VALUE, message.value);
    }
  }
  write(QUERY_NAMES[message.method]);
  if (message.readOnly === true) write(READ_ONLY);
  writeEnd(message.transactionId, message.version, END_QUERY);
}

function writeError(message: KrpcErrorMessage): void {
  const text = encodeText(message.message);
  out[at++] = 0x64;
  write(START_ERROR);
  writeInteger(message.code);
  writeString(text);
  reserve(1);
  out[at++] = 0x65;
  if (message.ip !== undefined) writePair(IP, message.ip);
  writeEnd(message.transactionId, message.version, END_ERROR);
}

function writeEnd(
  transactionId: Uint8Array,
  version: Uint8Array | undefined,
  end: Uint8Array,
): void {
  writePair(TRANSACTION, transactionId);
  if (version !== undefined) writePair(VERSION, version);
  write(end);
}

function writeWant(want: readonly IpFamily[]): void {
  write(WANT);
  if (want.includes(4)) write(N4);
  if (want.includes(6)) write(N6);
  reserve(1);
  out[at++] = 0x65;
}

function reserve(count: number): void {
  const needed = at + count;
  if (needed <= out.length) return;
  const written = out.subarray(start, at);
  out = new Uint8Array(Math.max(SLAB_LENGTH, 2 * (needed - start)));
  out.set(written);
  start = 0;
  at = written.length;
}

function write(bytes: Uint8Array): void {
  const length = bytes.length;
  reserve(length);
  if (length > 40) out.set(bytes, at);
  else for (let i = 0; i < length; i++) out[at + i] = bytes[i]!;
  at += length;
}

function writeFixed(key: Uint8Array, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) {
    throw new RangeError(
      `Cannot encode field ${
        String.fromCharCode(...key)
      } of ${bytes.length} bytes: it must have ${length}`,
    );
  }
  write(key);
  write(bytes);
}

function writePair(key: Uint8Array, bytes: Uint8Array): void {
  write(key);
  writeString(bytes);
}

function writeRaw(key: Uint8Array, bytes: Uint8Array): void {
  write(key);
  write(bytes);
}

function writeString(bytes: Uint8Array): void {
  reserve(bytes.length + 10);
  writeDigits(bytes.length);
  out[at++] = 0x3a;
  write(bytes);
}

function writeNumber(key: Uint8Array, value: number): void {
  write(key);
  writeInteger(value);
}

function writeInteger(value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(
      `Cannot encode number ${value}: expected an integer from 0 to 2^53 - 1`,
    );
  }
  reserve(18);
  out[at++] = 0x69;
  writeDigits(value);
  out[at++] = 0x65;
}

function writeBigInt(key: Uint8Array, value: bigint): void {
  write(key);
  write(encodeText(`i${value}e`));
}

/** Writes the digits of an integer of at least 0; space is reserved. */
function writeDigits(value: number): void {
  if (value < 10) {
    out[at++] = 0x30 + value;
    return;
  }
  let count = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) count++;
  for (let i = at + count - 1; i >= at; i--) {
    const rest = Math.floor(value / 10);
    out[i] = 0x30 + value - 10 * rest;
    value = rest;
  }
  at += count;
}

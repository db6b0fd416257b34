/**
 * Calls as clients send them, and answers as they expect them: the older dialect
 * (`method`, `arguments`, `tag`) and JSON-RPC 2.0 with its batches and
 * notifications. Source: Transmission, docs/rpc-spec.md; JSON-RPC 2.0.
 *
 * @module
 */
import { RpcError } from "./error.ts";
import { snakeName, toLegacy } from "./names.ts";

/** Most calls of a batch. */
export const MAX_BATCH = 256;
/**
 * Most values of a body, roughly: five lists of all files of a large torrent. Nested
 * arrays take 50 times as much memory as their text.
 */
const MAX_VALUES = 1_100_000;

/** Which names and which frame a client uses. */
export type RpcDialect = "legacy" | "json-rpc";

/** Parameters by name, of version 6. */
export type RpcParams = Readonly<Record<string, unknown>>;

/** One call. */
export interface RpcCall {
  /** How to answer. */
  readonly dialect: RpcDialect;
  /** Such as `torrent_get`; empty if there is none. */
  readonly method: string;
  /** What is asked for. */
  readonly params: RpcParams;
  /** What the answer repeats; `undefined` for a notification or no tag. */
  readonly id: unknown;
}

/** What a body asks for. */
export interface RpcRequest {
  /** The calls, and answers to what is none, in order. */
  readonly calls: readonly (RpcCall | RpcReply)[];
  /** Whether the answers stand in an array. */
  readonly isBatch: boolean;
}

/** An answer that is ready. */
export class RpcReply {
  /** Plain JSON. */
  readonly json: Readonly<Record<string, unknown>>;

  /** Holds an answer. */
  constructor(json: Readonly<Record<string, unknown>>) {
    this.json = json;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Reads a body; never throws.
 *
 * @param text The body.
 * @returns What it asks for.
 */
export function parseRpcRequest(text: string): RpcRequest {
  let value: unknown;
  if (hasTooMany(text)) {
    const error = new RpcError("request", "the request has too many values");
    return { calls: [failure(error)], isBatch: false };
  }
  try {
    value = JSON.parse(text);
  } catch {
    const error = new RpcError("parse", "the request is no JSON");
    return { calls: [failure(error)], isBatch: false };
  }
  if (!Array.isArray(value)) {
    return { calls: [readCall(value, false)], isBatch: false };
  }
  if (value.length === 0 || value.length > MAX_BATCH) {
    const error = new RpcError(
      "request",
      `a batch has 1 to ${MAX_BATCH} requests`,
    );
    return { calls: [failure(error)], isBatch: false };
  }
  return { calls: value.map((part) => readCall(part, true)), isBatch: true };
}

/** Whether a text has more values than are read. */
function hasTooMany(text: string): boolean {
  if (text.length <= MAX_VALUES) return false;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // A comma, and what opens an array or an object.
    const isBegin = code === 0x2c || code === 0x5b || code === 0x7b;
    if (isBegin && ++count > MAX_VALUES) return true;
  }
  return false;
}

function readCall(value: unknown, isBatch: boolean): RpcCall | RpcReply {
  if (!isObject(value)) {
    const what = isBatch ? "an Object" : "an Array or Object";
    return failure(new RpcError("request", `request must be ${what}`));
  }
  const { method, id, jsonrpc } = value;
  if (typeof jsonrpc === "string" || isBatch) {
    if (jsonrpc !== "2.0") {
      return failure(new RpcError("request", "JSON-RPC version is not 2.0"));
    }
    if (
      id !== undefined && id !== null && typeof id !== "string" &&
      typeof id !== "number"
    ) {
      const text = "id type must be String, Number, or Null";
      return failure(new RpcError("request", text));
    }
    const { params } = value;
    return {
      dialect: "json-rpc",
      method: typeof method === "string" ? method : "",
      params: isObject(params) ? params : {},
      id,
    };
  }
  const { arguments: given = value.params, tag = id } = value;
  const params: Record<string, unknown> = Object.create(null);
  for (const [name, part] of Object.entries(isObject(given) ? given : {})) {
    params[snakeName(name)] = part;
  }
  return {
    dialect: "legacy",
    method: typeof method === "string" ? snakeName(method) : "",
    params,
    id: Number.isSafeInteger(tag) ? tag : undefined,
  };
}

function failure(error: RpcError, id: unknown = null): RpcReply {
  const { number: code, kind: message, result } = error;
  const data = {
    ...(error.message === message ? {} : { error_string: error.message }),
    ...(result === undefined ? {} : { result }),
  };
  return new RpcReply({
    jsonrpc: "2.0",
    error: {
      code,
      message,
      ...(Object.keys(data).length === 0 ? {} : { data }),
    },
    id,
  });
}

/**
 * Frames what came out of a call.
 *
 * @param call The call.
 * @param outcome Its result with names of version 6, or why there is none.
 * @returns The answer, or `undefined` for a notification.
 */
export function replyTo(
  call: RpcCall,
  outcome: RpcParams | RpcError,
): RpcReply | undefined {
  const { dialect, method, id } = call;
  const isError = outcome instanceof RpcError;
  if (dialect === "json-rpc") {
    if (id === undefined) return undefined;
    return isError
      ? failure(outcome, id)
      : new RpcReply({ jsonrpc: "2.0", result: outcome, id });
  }
  const result = isError ? outcome.result ?? {} : outcome;
  const message = !isError
    ? "success"
    : outcome.code === "method"
    ? "no method name"
    : outcome.message;
  return new RpcReply({
    // The torrents have their names already, as their fields were asked for.
    arguments: method === "torrent_get"
      ? result
      : toLegacy(result, isError ? "" : method),
    result: message,
    ...(id === undefined ? {} : { tag: id }),
  });
}

import { assertEquals } from "@std/assert";
import {
  MAX_BATCH,
  parseRpcRequest,
  replyTo,
  type RpcCall,
  RpcReply,
} from "../../../daemon/rpc/envelope.ts";
import { RpcError } from "../../../daemon/rpc/error.ts";

const permissions = "none";

function one(value: unknown): RpcCall | RpcReply {
  const { calls, isBatch } = parseRpcRequest(JSON.stringify(value));
  assertEquals([calls.length, isBatch], [1, false]);
  return calls[0]!;
}

function codeOf(value: RpcCall | RpcReply): unknown {
  if (!(value instanceof RpcReply)) return undefined;
  return (value.json.error as { code: number }).code;
}

Deno.test({
  name: "calls of both dialects are read",
  permissions,
  fn() {
    assertEquals(
      { ...one({ method: "torrent-get", arguments: { "a-b": 1 }, tag: 7 }) },
      {
        dialect: "legacy",
        method: "torrent_get",
        params: Object.assign(Object.create(null), { a_b: 1 }),
        id: 7,
      },
    );
    assertEquals({ ...one({ method: "x", tag: {} }) }, {
      dialect: "legacy",
      method: "x",
      params: Object.create(null),
      id: undefined,
    });
    const call = {
      jsonrpc: "2.0",
      method: "torrent_get",
      params: { a_b: 1, cD: 2 },
      id: "x",
    };
    assertEquals({ ...one(call) }, {
      dialect: "json-rpc",
      method: "torrent_get",
      params: { a_b: 1, cD: 2 },
      id: "x",
    });
    assertEquals((one({ jsonrpc: "2.0", method: 5 }) as RpcCall).method, "");
    // As Transmission takes it: parameters are named, numbers are tags, and what
    // is of JSON-RPC may stand in the older frame.
    const positions = one({ jsonrpc: "2.0", method: "x", params: [1], id: 1 });
    assertEquals((positions as RpcCall).params, {});
    const mixed = one({ jsonrpc: 2, method: "x", params: { a: 1 }, id: 5 });
    const { dialect, params, id } = mixed as RpcCall;
    assertEquals([dialect, { ...params }, id], ["legacy", { a: 1 }, 5]);
    for (const tag of ["a", 1.5, null]) {
      assertEquals((one({ method: "x", tag }) as RpcCall).id, undefined);
    }
    // A name that means something to JavaScript means nothing here.
    const odd = parseRpcRequest('{"method":"x","arguments":{"__proto__":{}}}');
    assertEquals(Object.keys((odd.calls[0] as RpcCall).params), ["__proto__"]);
  },
});

Deno.test({
  name: "what is no call has an answer at once",
  permissions,
  fn() {
    const rows: [unknown, number][] = [
      [5, -32600],
      [null, -32600],
      [[], -32600],
      [{ jsonrpc: "1.0", method: "x" }, -32600],
      [{ jsonrpc: "2.0", method: "x", id: {} }, -32600],
      [Array(MAX_BATCH + 1).fill({ jsonrpc: "2.0" }), -32600],
    ];
    for (const [value, code] of rows) assertEquals(codeOf(one(value)), code);
    const bomb = "[".repeat(1_100_001);
    for (const text of [bomb, "{" + ",".repeat(1_100_000)]) {
      const [answer] = parseRpcRequest(text).calls;
      assertEquals(codeOf(answer!), -32600);
    }
    // A torrent file is one value, however long.
    const file = JSON.stringify({ method: "x", arguments: "a".repeat(2e6) });
    assertEquals(codeOf(parseRpcRequest(file).calls[0]!), undefined);
    for (const text of ["", "{", '{"method":"torrent-get"']) {
      assertEquals(codeOf(parseRpcRequest(text).calls[0]!), -32700);
    }
  },
});

Deno.test({
  name: "a batch is of JSON-RPC only",
  permissions,
  fn() {
    const { calls, isBatch } = parseRpcRequest(JSON.stringify([
      { jsonrpc: "2.0", method: "a", id: 1 },
      { method: "b", tag: 2 },
      [],
    ]));
    assertEquals(isBatch, true);
    assertEquals(calls.map(codeOf), [undefined, -32600, -32600]);
    const most = Array(MAX_BATCH).fill({ jsonrpc: "2.0", method: "a" });
    assertEquals(parseRpcRequest(JSON.stringify(most)).calls.length, MAX_BATCH);
  },
});

Deno.test({
  name: "an answer has the frame and the names of its call",
  permissions,
  fn() {
    const legacy = one({ method: "session-get", tag: 3 }) as RpcCall;
    const modern = one({ jsonrpc: "2.0", method: "session_get", id: 3 });
    const silent = one({ jsonrpc: "2.0", method: "session_get" }) as RpcCall;
    const result = { download_dir: "/x" };
    assertEquals(replyTo(legacy, result)?.json, {
      arguments: { "download-dir": "/x" },
      result: "success",
      tag: 3,
    });
    assertEquals(replyTo(modern as RpcCall, result)?.json, {
      jsonrpc: "2.0",
      result,
      id: 3,
    });
    assertEquals(replyTo(silent, result), undefined);
    const error = new RpcError("system", "no such folder", { size_bytes: -1 });
    assertEquals(replyTo(legacy, error)?.json, {
      arguments: { "size-bytes": -1 },
      result: "no such folder",
      tag: 3,
    });
    assertEquals(replyTo(modern as RpcCall, error)?.json, {
      jsonrpc: "2.0",
      error: {
        code: 5,
        message: "system error",
        data: { error_string: "no such folder", result: { size_bytes: -1 } },
      },
      id: 3,
    });
    assertEquals(replyTo(modern as RpcCall, new RpcError("method"))?.json, {
      jsonrpc: "2.0",
      error: { code: -32601, message: "Method not found" },
      id: 3,
    });
    // Two names are other ones where there was a mistake.
    const space = one({ method: "free-space" }) as RpcCall;
    const total = { total_size: 1 };
    const failed = new RpcError("system", "x", total);
    assertEquals(replyTo(space, total)?.json.arguments, total);
    assertEquals(replyTo(space, failed)?.json.arguments, { totalSize: 1 });
    const unnamed = one({ method: "nonsense" }) as RpcCall;
    assertEquals(replyTo(unnamed, new RpcError("method"))?.json, {
      arguments: {},
      result: "no method name",
    });
  },
});

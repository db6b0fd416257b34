import { encodeText } from "../../_shared/bytes.ts";
import { decodeTextLossy } from "../../_shared/bytes.ts";
import {
  MAX_BATCH,
  parseRpcRequest,
  replyTo,
  RpcReply,
} from "../../daemon/rpc/envelope.ts";
import { RpcError } from "../../daemon/rpc/error.ts";
import { checkParams, isRpcMethod } from "../../daemon/rpc/params.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const text = (value: unknown) => encodeText(JSON.stringify(value));

/** Bodies of Transmission's RPC, up to what a method gets. */
export const fuzzTarget: FuzzTarget = {
  name: "rpc_request",
  seeds: () => [
    text({
      method: "torrent-get",
      arguments: { fields: ["id", "hashString"], ids: [1, "ab"] },
      tag: 1,
    }),
    text({
      jsonrpc: "2.0",
      method: "torrent_set",
      params: { ids: [1], seed_ratio_limit: 1.5, files_wanted: [0, 1] },
      id: "x",
    }),
    text([
      { jsonrpc: "2.0", method: "session_stats", id: 1 },
      { jsonrpc: "2.0", method: "session_get", params: { fields: ["units"] } },
    ]),
    text({
      method: "torrent-add",
      arguments: { metainfo: "ZGU=", paused: true, labels: ["a"] },
    }),
  ],
  run(input) {
    const { calls } = parseRpcRequest(decodeTextLossy(input));
    if (calls.length < 1 || calls.length > MAX_BATCH) {
      throw new Error("Broken promise: one call, or as many as a batch has");
    }
    for (const call of calls) {
      if (call instanceof RpcReply) continue;
      let outcome: Record<string, unknown> | RpcError = new RpcError("method");
      if (isRpcMethod(call.method)) {
        try {
          outcome = { ...checkParams(call.method, call.params) };
        } catch (error) {
          if (!(error instanceof RpcError)) throw error;
          outcome = error;
        }
      }
      const reply = replyTo(call, outcome);
      if (
        (reply === undefined) !== (call.dialect === "json-rpc" &&
          call.id === undefined)
      ) {
        throw new Error("Broken promise: all but notifications are answered");
      }
      JSON.stringify(reply?.json);
    }
  },
};

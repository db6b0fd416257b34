import { toHex } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";
import { tryDecodeKrpc } from "../../dht/krpc/decode.ts";
import { encodeKrpc } from "../../dht/krpc/encode.ts";
import { generateKrpc } from "../dht/krpc/krpc_generate.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

/** Messages of the DHT. */
export const fuzzTarget: FuzzTarget = {
  name: "krpc",
  seeds() {
    const seeds: Uint8Array[] = [];
    for (const message of generateKrpc(seededRandom(3))) {
      const bytes = encodeKrpc(message);
      if (bytes.length <= 1500) seeds.push(bytes);
      if (seeds.length === 60) break;
    }
    return seeds;
  },
  run(input) {
    const message = tryDecodeKrpc(input);
    if (message.type === "drop") return;
    if (message.type === "error-reply") {
      const { transactionId, code } = message;
      const reply = encodeKrpc({
        type: "error",
        transactionId,
        code,
        message: message.message,
      });
      if (reply.length > 1024) throw new Error("Broken promise: short reply");
      return;
    }
    // Errors carry any number, and bytes that are no text, which change.
    if (message.type === "error") return;
    if (message.type === "query" && message.method === "put") {
      if (message.value.length > input.length) throw new Error("Longer value");
    }
    const bytes = encodeKrpc(message);
    const again = tryDecodeKrpc(bytes);
    if (again.type === "drop" || again.type === "error-reply") {
      throw new Error("Broken promise: what is written can be read");
    }
    if (toHex(encodeKrpc(again)) !== toHex(bytes)) {
      throw new Error("Broken promise: a fixed point");
    }
  },
};

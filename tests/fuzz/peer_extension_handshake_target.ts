import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  PeerProtocolError,
} from "../../peer/mod.ts";
import { MAX_EXTENSIONS } from "../../peer/limits.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const encoder = new TextEncoder();

/** Extension handshakes (BEP 10). */
export const fuzzTarget: FuzzTarget = {
  name: "peer_extension_handshake",
  seeds: () => [
    encodeExtensionHandshake({
      messageIds: new Map([["ut_metadata", 2], ["ut_pex", 1], ["x", 0]]),
      clientVersion: "bip 0.1",
      listenPort: 6881,
      requestQueue: 500,
      metadataSize: 31_235,
      uploadOnly: true,
      yourIp: Uint8Array.of(127, 0, 0, 1),
      ipv6: new Uint8Array(16),
      completeAgo: 5,
    }),
    encoder.encode("d1:md11:ut_metadatai1e6:ut_pexi300eee"),
    encoder.encode("de"),
    encoder.encode("d1:m1:x4:reqqi-1ee"),
  ],
  run(input) {
    try {
      const handshake = decodeExtensionHandshake(input);
      if (handshake.messageIds.size > MAX_EXTENSIONS) {
        throw new Error("Too many ids");
      }
      const { requestQueue = 1, metadataSize = 1 } = handshake;
      if (requestQueue < 1 || requestQueue > 2_000 || metadataSize < 1) {
        throw new Error("Unclamped number");
      }
      // What was understood can be said again.
      encodeExtensionHandshake(handshake);
    } catch (error) {
      if (!(error instanceof PeerProtocolError)) throw error;
    }
  },
};

import { PeerProtocolError } from "../../peer/mod.ts";
import {
  answerUtMetadata,
  decodeUtMetadata,
  encodeUtMetadata,
} from "../../peer/ut_metadata.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

/** Messages of ut_metadata (BEP 9). */
export const fuzzTarget: FuzzTarget = {
  name: "peer_ut_metadata",
  seeds: () => [
    encodeUtMetadata({ type: "request", piece: 0 }),
    encodeUtMetadata({ type: "reject", piece: 3 }),
    encodeUtMetadata(answerUtMetadata(new Uint8Array(300).fill(100), 0)),
    encodeUtMetadata(answerUtMetadata(new Uint8Array(16_400), 1)),
  ],
  run(input) {
    try {
      const message = decodeUtMetadata(input);
      if (message?.type === "data" && message.data.length > 16_384) {
        throw new Error("A piece is longer than 16 KiB");
      }
      if (message !== undefined) encodeUtMetadata(message);
    } catch (error) {
      if (!(error instanceof PeerProtocolError)) throw error;
    }
  },
};

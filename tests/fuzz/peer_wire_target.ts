import { randomInt, seededRandom } from "../../_shared/random.ts";
import {
  encodePeerMessage,
  type PeerMessage,
  PeerMessageDecoder,
  PeerProtocolError,
} from "../../peer/mod.ts";
import { generateMessage } from "../peer/generate_message.ts";
import type { FuzzTarget } from "./fuzz_target.ts";
import { copyMessage } from "../peer/copy_message.ts";

/** Decodes all of it; what a chunk split must not change. */
function decode(
  input: Uint8Array,
  next: () => number,
): { count: number; hash: number; code: string } {
  const decoder = new PeerMessageDecoder();
  let count = 0;
  let hash = 0;
  const onMessage = (message: PeerMessage) => {
    count++;
    const bytes = encodePeerMessage(copyMessage(message));
    for (let i = 0; i < bytes.length && i < 64; i++) {
      hash = (Math.imul(hash, 31) + bytes[i]!) >>> 0;
    }
  };
  try {
    for (let at = 0; at < input.length;) {
      const size = next();
      decoder.push(input.subarray(at, at + size), onMessage);
      if (decoder.bufferedBytes > input.length) {
        throw new Error("More is buffered than came");
      }
      at += size;
    }
    decoder.finish();
    return { count, hash, code: "" };
  } catch (error) {
    if (!(error instanceof PeerProtocolError)) throw error;
    return { count, hash, code: error.code };
  }
}

/** The wire decoder, whole and in chunks by a seed from the input. */
export const fuzzTarget: FuzzTarget = {
  name: "peer_wire",
  seeds() {
    const random = seededRandom(1);
    const seeds: Uint8Array[] = [];
    for (let i = 0; i < 60; i++) {
      const message = generateMessage(random);
      if (message.type === "piece" && message.data.length > 200) continue;
      seeds.push(encodePeerMessage(message));
    }
    return seeds;
  },
  run(input) {
    const random = seededRandom(input.length + (input[0] ?? 0) * 65_536);
    const whole = decode(input, () => input.length);
    const split = decode(input, () => 1 + randomInt(random, 20));
    if (
      whole.count !== split.count || whole.hash !== split.hash ||
      whole.code !== split.code
    ) {
      throw new Error(
        `A split changes the messages: ${JSON.stringify([whole, split])}`,
      );
    }
  },
};

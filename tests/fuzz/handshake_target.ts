import {
  concatBytes,
  equalBytes,
  fromByteString,
} from "../../_shared/bytes.ts";
import {
  decodeHandshake,
  encodeHandshake,
  ExtensionBits,
  formatPeerId,
  HandshakeDecoder,
  HandshakeError,
  identifyPeerId,
} from "../../handshake/mod.ts";
import { HandshakeMachine } from "../../handshake/handshake_machine.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const infoHash = new Uint8Array(20).fill(1);
const peerId = fromByteString("-TR4060-abcdefghijkl");
const extensions = ExtensionBits.of("fast", "dht", "extension-protocol");

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Broken promise: ${what}`);
}

/** Handshake codec, peer ids, and the inbound machine. */
export const fuzzTarget: FuzzTarget = {
  name: "handshake",
  seeds: () => [
    encodeHandshake({ infoHash, peerId, extensions }),
    encodeHandshake({ protocol: "", infoHash, peerId }),
    concatBytes([
      encodeHandshake({ protocol: "x".repeat(255), infoHash, peerId }),
      fromByteString("tail"),
    ]),
    fromByteString("GET /announce HTTP/1.1\r\n\r\n"),
  ],
  run(input) {
    for (const protocols of ["any", undefined] as const) {
      const options = protocols === undefined ? {} : { protocols };
      let whole: Uint8Array | undefined;
      try {
        const { message, length } = decodeHandshake(input, options);
        whole = encodeHandshake(message);
        check(equalBytes(whole, input.subarray(0, length)), "round trip");
        identifyPeerId(message.peerId);
        formatPeerId(message.peerId);
      } catch (error) {
        if (!(error instanceof HandshakeError)) throw error;
      }
      const decoder = new HandshakeDecoder(options);
      try {
        let taken = 0;
        while (taken < input.length && decoder.needed > 0) {
          taken += decoder.push(input.subarray(taken, taken + 7));
        }
        check(
          (decoder.message !== undefined) === (whole !== undefined),
          "the same in pieces",
        );
      } catch (error) {
        if (!(error instanceof HandshakeError)) throw error;
        check(whole === undefined, "the same in pieces");
      }
    }
    const machine = new HandshakeMachine({
      protocols: "any",
      policy: {
        onHead: (head) => ({ ...head, peerId }),
        onMessage: () => undefined,
      },
      startedAt: 0,
      timeoutMs: 10,
    });
    machine.handle({ type: "data", data: input }, 1);
    machine.handleTimeout(10);
    check(machine.over, "a machine ends");
    let sends = 0;
    let ends = 0;
    for (let out = machine.poll(); out; out = machine.poll()) {
      if (out.type === "send") sends++;
      else ends++;
    }
    check(sends <= 1 && ends === 1, "one answer, one end");
  },
};

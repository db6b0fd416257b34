import { concatBytes, equalBytes } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";
import {
  MseMachine,
  type MseMachineOptions,
  type MseOutput,
} from "../../handshake/encryption/mse_machine.ts";
import { encodeHandshake, handshakeHeader } from "../../handshake/message.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const infoHash = new Uint8Array(20).fill(1);
const hello = encodeHandshake({ infoHash, peerId: new Uint8Array(20) });
const header = handshakeHeader("BitTorrent protocol");

function machine(inbound: boolean): MseMachine {
  const common = {
    methods: ["plaintext", "rc4"],
    random: seededRandom(inbound ? 1 : 2),
    startedAt: 0,
    timeoutMs: 10,
    // With keys of full length a million runs take more than an hour.
    privateKeyLength: 1,
  } as const;
  const options: MseMachineOptions = inbound
    ? {
      ...common,
      direction: "inbound",
      headers: [header],
      plainAllowed: true,
      admit: () => true,
      findInfoHash: () => infoHash,
    }
    : { ...common, direction: "outbound", infoHash, initialPayload: hello };
  return new MseMachine(options);
}

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Broken promise: ${what}`);
}

/** What the other side of an honest exchange sends; both sides' seeds repeat. */
function honest(inbound: boolean): Uint8Array {
  const sides = [machine(true), machine(false)];
  const sent: Uint8Array[] = [];
  for (let moved = true; moved;) {
    moved = false;
    for (const [i, side] of sides.entries()) {
      for (let out = side.poll(); out; out = side.poll()) {
        if (out.type !== "send") continue;
        moved = true;
        if (i === (inbound ? 1 : 0)) sent.push(out.data);
        sides[1 - i]!.handle({ type: "data", data: out.data }, 0);
      }
    }
  }
  return concatBytes(sent);
}

/** Message stream encryption, both sides. */
export const fuzzTarget: FuzzTarget = {
  name: "mse",
  seeds: () => [honest(true), honest(false), hello],
  run(input) {
    // Pieces of one byte, or of several: bytes one by one take the most time.
    const small = 1 + (input.at(-1) ?? 0) % 64;
    for (const inbound of [true, false]) {
      const ends = [small, 3000].map((step) => {
        const one = machine(inbound);
        let at = 0;
        while (!one.over && at < input.length) {
          const length = Math.min(step, one.needed);
          check(one.needed <= 532, "a bounded read");
          one.handle({ type: "data", data: input.slice(at, at + length) }, 1);
          at += length;
        }
        one.handleTimeout(10);
        check(one.over, "a machine ends");
        const outputs: MseOutput[] = [];
        for (let out = one.poll(); out; out = one.poll()) outputs.push(out);
        const last = outputs.pop()!;
        check(last.type !== "send", "an end");
        check(outputs.every(({ type }) => type === "send"), "one end");
        return { last, unread: input.subarray(at) };
      });
      const [a, b] = ends.map(({ last, unread }) => {
        if (last.type !== "complete") return undefined;
        const rest = unread.slice();
        last.ciphers?.incoming.process(rest);
        return concatBytes([last.payload, rest]);
      });
      check((a === undefined) === (b === undefined), "the same in pieces");
      if (a && b) check(equalBytes(a, b), "the same payload in pieces");
    }
  },
};

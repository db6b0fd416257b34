import { fromByteString, toHex } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";
import {
  encodeLpdAnnounce,
  LpdMachine,
  tryDecodeLpdAnnounce,
} from "../../lpd/mod.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const infoHashes = [new Uint8Array(20).fill(1), new Uint8Array(20).fill(0xfe)];
const machine = new LpdMachine({
  random: seededRandom(1),
  startedAt: 0,
  anyInfoHash: true,
});
let now = 0;

/** Announces of local discovery, and the machine behind them. */
export const fuzzTarget: FuzzTarget = {
  name: "lpd",
  seeds: () => [
    encodeLpdAnnounce({ port: 6881, infoHashes, cookie: "abc" }),
    encodeLpdAnnounce({ family: 6, port: 65535, infoHashes }),
    fromByteString(
      "BT-SEARCH * HTTP/1.1\nport:1\ninfohash: " + "0".repeat(40) + "\n",
    ),
  ],
  run(input) {
    const announce = tryDecodeLpdAnnounce(input);
    if (announce !== undefined && announce.infoHashes.length <= 25) {
      const { port, infoHashes } = announce;
      const again = tryDecodeLpdAnnounce(
        encodeLpdAnnounce({ port, infoHashes }),
      );
      if (
        again?.port !== port ||
        again.infoHashes.map(toHex).join() !== infoHashes.map(toHex).join()
      ) throw new Error("Broken promise: round trip");
    }
    now += 100;
    const from = { hostname: `10.0.0.${now % 251}`, port: 6771 };
    machine.handle({ type: "datagram", data: input, from }, now);
    for (let out = machine.poll(); out; out = machine.poll()) {
      if (out.type !== "peer" || out.candidate.address.port < 1) {
        throw new Error("Broken promise: only peers, with a port");
      }
    }
    if (machine.deadline !== undefined) {
      throw new Error("Broken promise: hearing sends nothing");
    }
  },
};

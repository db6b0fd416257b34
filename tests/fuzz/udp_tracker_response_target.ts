import { readUint32, writeUint32 } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";
import {
  encodeUdpTrackerResponse,
  tryDecodeUdpTrackerResponse,
} from "../../utracker/mod.ts";
import { UdpTrackerClientMachine } from "../../utracker/client_machine.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const to = { hostname: "192.0.2.1", port: 6969 };
const machine = new UdpTrackerClientMachine({ random: seededRandom(1) });
let id = 0;
let now = 0;
/** Transaction id of the packet sent last. */
let transaction = 0;

function drain(): void {
  for (let out = machine.poll(); out; out = machine.poll()) {
    if (out.type === "send") {
      transaction = readUint32(out.data, 12);
      if (out.to.port !== to.port) throw new Error("Broken promise: target");
    }
  }
}

/** Responses of trackers, and the client that reads them. */
export const fuzzTarget: FuzzTarget = {
  name: "udp_tracker_response",
  seeds: () => [
    encodeUdpTrackerResponse({
      type: "connect",
      transactionId: 7,
      connectionId: 5n,
    }),
    encodeUdpTrackerResponse({
      type: "announce",
      transactionId: 7,
      interval: 900,
      leechers: 1,
      seeders: 2,
      peers: [{ hostname: "1.2.3.4", port: 5 }],
    }),
    encodeUdpTrackerResponse({
      type: "announce",
      transactionId: 7,
      interval: 900,
      leechers: 1,
      seeders: 2,
      peers: [{ hostname: "2001:db8::1", port: 5 }],
    }, 6),
    encodeUdpTrackerResponse({
      type: "scrape",
      transactionId: 7,
      entries: [{ seeders: 1, leechers: 2, downloads: 3 }],
    }),
    encodeUdpTrackerResponse({
      type: "error",
      transactionId: 7,
      message: "no",
    }),
  ],
  run(input) {
    for (const family of [4, 6] as const) {
      const response = tryDecodeUdpTrackerResponse(input, family);
      if (response === undefined) continue;
      if (
        response.type === "announce" &&
        response.peers.length > input.length / (family === 4 ? 6 : 18)
      ) throw new Error("Broken promise: peers come from bytes");
    }
    if (machine.pending === 0) {
      machine.handle({
        type: "announce",
        id: id++,
        to,
        request: {
          infoHash: new Uint8Array(20),
          peerId: new Uint8Array(20),
          port: 1,
          uploaded: 0,
          downloaded: 0,
          left: 0,
          key: 0,
        },
      }, now);
      drain();
    }
    // With the right transaction id, so that it is looked at.
    const data = input.slice();
    if (data.length >= 8 && now % 3 !== 0) writeUint32(data, 4, transaction);
    now += 50;
    machine.handle({ type: "datagram", data, from: to }, now);
    drain();
    if (machine.deadline !== undefined && machine.deadline <= now) {
      machine.handleTimeout(now);
      drain();
    }
    if (machine.pending > 1) throw new Error("Broken promise: one request");
  },
};

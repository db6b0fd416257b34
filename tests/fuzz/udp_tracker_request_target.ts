import { toHex } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";
import { SwarmService, SwarmTable } from "../../tracker/mod.ts";
import {
  encodeUdpTrackerRequest,
  tryDecodeUdpTrackerRequest,
} from "../../utracker/mod.ts";
import {
  MAX_RESPONSE_LENGTH,
  UdpTrackerResponder,
} from "../../utracker/responder.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const service = new SwarmService({
  store: new SwarmTable({
    random: seededRandom(1),
    maxPeers: 1000,
    maxTorrents: 500,
  }),
});
const responder = new UdpTrackerResponder({ service, random: seededRandom(2) });
const out = new Uint8Array(MAX_RESPONSE_LENGTH);
const from = { hostname: "192.0.2.1", port: 1 };
responder.respond(
  encodeUdpTrackerRequest({ type: "connect", transactionId: 1 }),
  from,
  0,
  0,
  out,
);
/** Good for this address and time: mutations get past the first check. */
const connectionId = out.slice(8, 16);
let calls = 0;

/** Requests of clients, and the tracker that reads them. */
export const fuzzTarget: FuzzTarget = {
  name: "udp_tracker_request",
  seeds: () => [
    encodeUdpTrackerRequest({ type: "connect", transactionId: 7 }),
    encodeUdpTrackerRequest({
      type: "announce",
      connectionId: BigInt("0x" + toHex(connectionId)),
      transactionId: 7,
      infoHash: new Uint8Array(20).fill(3),
      peerId: new Uint8Array(20).fill(4),
      downloaded: 1,
      left: 2,
      uploaded: 3,
      event: "started",
      key: 5,
      port: 6,
      urlData: "/announce?passkey=1",
    }),
    encodeUdpTrackerRequest({
      type: "scrape",
      connectionId: BigInt("0x" + toHex(connectionId)),
      transactionId: 7,
      infoHashes: [new Uint8Array(20).fill(3), new Uint8Array(20)],
    }),
  ],
  run(input) {
    const request = tryDecodeUdpTrackerRequest(input);
    if (request !== undefined) {
      const again = (request.type !== "announce" ||
          (request.urlData?.length ?? 0) <= 1020)
        ? encodeUdpTrackerRequest(request)
        : undefined;
      if (again !== undefined && again.length > input.length + 2048) {
        throw new Error("Broken promise: round trip");
      }
    }
    // Every other input gets an id that is good.
    const data = input.slice();
    if (calls++ % 2 && data.length >= 16) data.set(connectionId);
    const length = responder.respond(data, from, calls, 0, out);
    if (typeof length !== "number") throw new Error("Broken promise: at once");
    if (length > MAX_RESPONSE_LENGTH) throw new Error("Broken promise: size");
    if (length > 0 && out[3] === 0 && length !== 16) {
      throw new Error("Broken promise: connect is never amplified");
    }
    if (length > 0 && out[3] === 3 && length > data.length) {
      throw new Error("Broken promise: errors are never amplified");
    }
    const { torrents, peers4 } = service.store.stats() as {
      torrents: number;
      peers4: number;
    };
    if (peers4 > 1000 || torrents > 500) {
      throw new Error("Broken promise: caps");
    }
  },
};

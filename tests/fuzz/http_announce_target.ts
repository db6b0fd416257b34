import { encodeText, toByteString } from "../../_shared/bytes.ts";
import { encodeBencode } from "../../bencode/mod.ts";
import {
  decodeHttpAnnounceResponse,
  encodeHttpAnnounceResponse,
  encodeHttpFailure,
  formatAnnounceUrl,
  parseAnnounceQuery,
  TrackerError,
  TrackerQueryError,
} from "../../htracker/mod.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const QUERY = new URL(formatAnnounceUrl("http://t.example/announce?k=1", {
  infoHash: new Uint8Array(20).fill(0xab),
  peerId: new Uint8Array(20).fill(0x2d),
  port: 6881,
  uploaded: 1,
  downloaded: 2,
  left: 3,
  event: "started",
  numWant: 50,
  key: 4,
})).search;

/** Announces over HTTP: answers as the client reads them, queries as the tracker does. */
export const fuzzTarget: FuzzTarget = {
  name: "http_announce",
  seeds: () => [
    encodeHttpAnnounceResponse({
      interval: 900,
      seeders: 1,
      leechers: 2,
      downloads: 3,
      peers4: new Uint8Array([1, 2, 3, 4, 5, 6]),
      peers6: new Uint8Array(18).fill(0x20),
      externalIp: new Uint8Array(4).fill(9),
    }),
    encodeBencode({
      interval: 900,
      "min interval": 60,
      "tracker id": "x",
      "warning message": "slow",
      peers: [
        { ip: "peer.example", port: 1, "peer id": "x".repeat(20) },
        { ip: "2001:db8::1", port: 2 },
      ],
    }),
    encodeHttpFailure("no", "never"),
    encodeText(QUERY),
  ],
  run(input) {
    try {
      const response = decodeHttpAnnounceResponse(input);
      if (
        !(response.intervalMs >= 60_000 && response.intervalMs <= 86_400_000)
      ) throw new Error("Broken promise: interval");
      if (response.peers.length > 2000) {
        throw new Error("Broken promise: peers");
      }
      for (const { hostname, port } of response.peers) {
        if (hostname === "" || port < 1 || port > 65535) {
          throw new Error("Broken promise: peers that can be");
        }
      }
    } catch (error) {
      if (!(error instanceof TrackerError)) throw error;
    }
    try {
      const query = parseAnnounceQuery(toByteString(input));
      if (query.infoHash.length !== 20 || query.port > 65535) {
        throw new Error("Broken promise: query");
      }
    } catch (error) {
      if (!(error instanceof TrackerQueryError)) throw error;
    }
  },
};

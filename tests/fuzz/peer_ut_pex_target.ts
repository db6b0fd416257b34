import { PeerProtocolError } from "../../peer/mod.ts";
import {
  decodeUtHolepunch,
  encodeUtHolepunch,
} from "../../peer/ut_holepunch.ts";
import { decodeUtPex, encodeUtPex } from "../../peer/ut_pex.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const peers = [
  { hostname: "10.0.0.1", port: 6881, flags: 2 },
  { hostname: "2001:db8::1", port: 1, flags: 16 },
];

/** Messages of ut_pex (BEP 11) and ut_holepunch (BEP 55). */
export const fuzzTarget: FuzzTarget = {
  name: "peer_ut_pex",
  seeds: () => [
    encodeUtPex({ added: peers, dropped: peers }),
    encodeUtPex({ added: [], dropped: [] }),
    encodeUtHolepunch({ type: "error", endpoint: peers[0]!, errorCode: 2 }),
    encodeUtHolepunch({ type: "connect", endpoint: peers[1]!, errorCode: 0 }),
  ],
  run(input) {
    try {
      const { added, dropped } = decodeUtPex(input);
      if (added.length > 200 || dropped.length > 200) {
        throw new Error("Too many peers");
      }
      if (added.some((peer) => peer.port === 0)) throw new Error("Port 0");
      encodeUtPex({ added, dropped });
    } catch (error) {
      if (!(error instanceof PeerProtocolError)) throw error;
    }
    try {
      encodeUtHolepunch(decodeUtHolepunch(input));
    } catch (error) {
      if (!(error instanceof PeerProtocolError)) throw error;
    }
  },
};

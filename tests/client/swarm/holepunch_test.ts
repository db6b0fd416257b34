import { assertEquals } from "@std/assert";
import type { Endpoint } from "../../../_shared/address.ts";
import { openHolepunch } from "../../../client/swarm/holepunch.ts";
import type { Swarm } from "../../../client/swarm/swarm.ts";
import type { SwarmPeer } from "../../../client/peers/swarm_peer.ts";
import { decodeUtHolepunch } from "../../../peer/ut_holepunch.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

Deno.test("Holepunch asks an introducer, and dials when it is told to", {
  permissions: "none",
}, async () => {
  const clock = new SimClock();
  const sent: [key: number, name: string, type: string][] = [];
  const dialled: Endpoint[] = [];
  const peer = (key: number, hostname: string) =>
    ({
      key,
      address: { hostname, port: 1 },
      listening: { hostname, port: 1 },
      connection: {
        supports: () => true,
        sendExtended: (name: string, payload: Uint8Array) =>
          sent.push([key, name, decodeUtHolepunch(payload).type]),
      },
    }) as unknown as SwarmPeer;
  const peers = new Map([[1, peer(1, "8.8.8.8")], [2, peer(2, "9.9.9.9")]]);
  const punches = openHolepunch(
    { peers, context: { timers: clock } } as unknown as Swarm,
    (endpoint) => dialled.push(endpoint),
  );
  const target = { hostname: "1.1.1.1", port: 7000 };
  punches.input({ type: "unreachable", endpoint: target });
  assertEquals(sent, []);
  const message = { added: [{ ...target, flags: 0x08 }], dropped: [] };
  for (const key of [1, 2]) punches.input({ type: "told", key, message });
  punches.input({ type: "unreachable", endpoint: target });
  assertEquals(sent.length, 1);
  const asked = sent[0]![0];
  assertEquals(sent, [[asked, "ut_holepunch", "rendezvous"]]);
  // It says nothing: another is asked, once it is time.
  await clock.advance(9_999);
  assertEquals(sent.length, 1);
  await clock.advance(1);
  assertEquals(sent, [
    [asked, "ut_holepunch", "rendezvous"],
    [3 - asked, "ut_holepunch", "rendezvous"],
  ]);
  punches.input({
    type: "message",
    key: 3 - asked,
    message: { type: "connect", endpoint: target, errorCode: 0 },
  });
  assertEquals(dialled, [target]);
  // What is asked of one that goes may be asked of another at once.
  const other = { hostname: "1.0.0.1", port: 7000 };
  for (const key of [1, 2]) {
    const message = { added: [{ ...other, flags: 0x08 }], dropped: [] };
    punches.input({ type: "told", key, message });
  }
  punches.input({ type: "unreachable", endpoint: other });
  assertEquals(sent.length, 3);
  const first = sent[2]![0];
  punches.input({ type: "gone", key: first });
  punches.input({ type: "unreachable", endpoint: other });
  assertEquals(sent.slice(3).map(([key]) => key), [3 - first]);
  punches.input({ type: "gone", key: 3 - first });
  punches.input({ type: "unreachable", endpoint: other });
  assertEquals([sent.length, dialled.length], [4, 1]);
  punches.close();
  assertEquals(clock.pending, 0);
});

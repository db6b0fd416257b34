import { assertEquals } from "@std/assert";
import type { Endpoint } from "../../../_shared/address.ts";
import { Holepunch } from "../../../client/swarm/holepunch.ts";
import type { Swarm } from "../../../client/swarm/swarm.ts";
import type { SwarmPeer } from "../../../client/peers/swarm_peer.ts";
import { decodeUtHolepunch } from "../../../peer/ut_holepunch.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

Deno.test("Holepunch asks an introducer, and dials when it is told to", {
  permissions: "none",
}, async () => {
  const clock = new SimClock();
  const sent: unknown[] = [];
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
  const [one, two] = [peer(1, "8.8.8.8"), peer(2, "9.9.9.9")];
  const peers = new Map([[1, one], [2, two]]);
  const punches = new Holepunch(
    { peers, context: { clock } } as unknown as Swarm,
    (endpoint) => dialled.push(endpoint),
  );
  const target = { hostname: "1.1.1.1", port: 7000 };
  punches.unreachable(target);
  assertEquals(sent, []);
  const pex = { added: [{ ...target, flags: 0x08 }], dropped: [] };
  punches.told(one, pex);
  punches.told(two, pex);
  punches.unreachable(target);
  assertEquals(sent.length, 1);
  const [[asked]] = sent as [[number]];
  assertEquals(sent, [[asked, "ut_holepunch", "rendezvous"]]);
  // It says nothing: another is asked, once it is time.
  punches.tick(clock.now());
  assertEquals(sent.length, 1);
  await clock.advance(60_000);
  punches.tick(clock.now());
  assertEquals(sent, [
    [asked, "ut_holepunch", "rendezvous"],
    [3 - asked, "ut_holepunch", "rendezvous"],
  ]);
  punches.message(peers.get(3 - asked)!, {
    type: "connect",
    endpoint: target,
    errorCode: 0,
  });
  assertEquals(dialled, [target]);
  punches.gone(one);
  punches.gone(two);
  punches.unreachable({ hostname: "1.0.0.1", port: 7000 });
  assertEquals([sent.length, dialled.length], [2, 1]);
});

Deno.test(
  "Holepunch waits ten seconds for an introducer, and none for who is gone",
  {
    permissions: "none",
  },
  () => {
    const clock = { now: () => 0 };
    const sent: number[] = [];
    const peers = new Map([1, 2].map((key) => [
      key,
      {
        key,
        address: { hostname: `8.8.8.${key}`, port: 1 },
        connection: {
          supports: () => true,
          sendExtended: () => sent.push(key),
        },
      } as unknown as SwarmPeer,
    ]));
    const make = () => {
      sent.length = 0;
      const punches = new Holepunch(
        { peers, context: { clock } } as unknown as Swarm,
        () => {},
      );
      const target = { hostname: "1.1.1.1", port: 7000 };
      const pex = { added: [{ ...target, flags: 0x08 }], dropped: [] };
      for (const peer of peers.values()) punches.told(peer, pex);
      punches.unreachable(target);
      return { punches, target };
    };
    const { punches } = make();
    punches.tick(9_999);
    assertEquals(sent.length, 1);
    punches.tick(10_000);
    assertEquals(sent.length, 2);
    // What is asked of one that goes may be asked of another at once.
    const other = make();
    const [asked] = sent;
    other.punches.unreachable(other.target);
    assertEquals(sent.length, 1);
    other.punches.gone(peers.get(asked!)!);
    other.punches.unreachable(other.target);
    assertEquals(sent.length, 2);
  },
);

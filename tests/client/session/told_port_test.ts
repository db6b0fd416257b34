import { assertEquals } from "@std/assert";
import { seededRandom } from "../../../_shared/random.ts";
import { Session } from "../../../client/session.ts";
import { followPort, toldPort } from "../../../client/session/told_port.ts";
import { isMappable } from "../../../client/session/session_services.ts";
import type { PortMapper } from "../../../portmap/port_mapper.ts";
import type { PortMapEvent } from "../../../portmap/types.ts";
import { MemoryFileSystem } from "../../../disk/mod.ts";
import { DatagramNetwork } from "../../../testing/datagram_network.ts";
import { MemoryNetwork } from "../../../testing/memory_network.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

const none = { permissions: "none" } as const;
const [GATEWAY, LOCAL] = ["10.0.0.1", "10.0.0.2"];

Deno.test(
  "trackers are told the gateway's port, and it is given back",
  none,
  async () => {
    const clock = new SimClock();
    const network = new DatagramNetwork({
      clock,
      seed: 1,
      latencyMs: [50, 50],
    });
    using gateway = network.socket({ hostname: GATEWAY, port: 5351 });
    const lives: number[] = [];
    void (async () => {
      for (let one; (one = await gateway.receive()) !== undefined;) {
        if (one.data[0] !== 2) continue;
        const reply = one.data.slice();
        reply[1]! |= 0x80;
        const view = new DataView(reply.buffer);
        lives.push(view.getUint32(4));
        view.setUint16(42, 7000);
        void gateway.send(reply, one.from);
      }
    })();
    const told: number[] = [];
    const streams = new MemoryNetwork({ clock });
    const session = await Session.open({
      clock,
      random: seededRandom(1),
      transports: [streams.transport(LOCAL)],
      listen: { hostname: LOCAL, port: 6881 },
      portMap: {
        gateway: GATEWAY,
        local: LOCAL,
        transport: streams.transport(LOCAL),
        socket: ({ hostname = LOCAL, port = 0 }) =>
          Promise.resolve(network.socket({ hostname, port })),
      },
      httpTracker: {
        announce: (_, { port }) => {
          told.push(port);
          return Promise.resolve({ intervalMs: 60_000, peers: [] } as never);
        },
      },
    });
    session.add("magnet:?xt=urn:btih:" + "ab".repeat(20), {
      fileSystem: new MemoryFileSystem(),
      trackers: ["http://tracker.example/announce"],
    });
    await clock.advance(300_000);
    assertEquals(session.portMapper?.mappings()[0]?.externalPort, 7000);
    // From the first time on: they waited for it.
    assertEquals(new Set(told), new Set([7000]));
    const closed = session.close();
    await clock.advance(10_000);
    await closed;
    assertEquals(lives, [3600, 0]);
  },
);

Deno.test(
  "what listens on loopback or by IPv6 only is never mapped",
  none,
  async () => {
    const check = (hostname: string, port = 6881) =>
      isMappable({ hostname, port });
    for (const host of ["0.0.0.0", "::", "192.168.1.2", "169.254.0.2"]) {
      assertEquals(check(host), true, host);
    }
    for (
      const host of ["127.0.0.1", "127.9.9.9", "::1", "fd00::2", "8.8.8.8", "a"]
    ) {
      assertEquals(check(host), false, host);
    }
    assertEquals(check("0.0.0.0", 0), false);
    const clock = new SimClock();
    const session = await Session.open({
      clock,
      transports: [new MemoryNetwork({ clock }).transport("127.0.0.1")],
      listen: { hostname: "127.0.0.1", port: 6881 },
      portMap: { gateway: "127.0.0.2" },
    });
    assertEquals(session.portMapper, undefined);
    await session.close();
  },
);

Deno.test("toldPort() is ours, the gateway's, or none", none, () => {
  const local = { hostname: LOCAL, port: 6881 };
  assertEquals(toldPort(undefined, "tcp", undefined), 0);
  assertEquals(toldPort(undefined, "tcp", {}), 0);
  assertEquals(toldPort(undefined, "tcp", { local }), 6881);
  assertEquals(toldPort(undefined, "udp", { locals: [local] }), 6881);
});

Deno.test(
  "followPort() holds announces until the TCP port is settled",
  none,
  async () => {
    const clock = new SimClock();
    const held: number[] = [];
    const context = {
      listenPort: 6881,
      clock,
      announces: { hold: (until: number) => void held.push(until) },
    };
    const mapped = (protocol: "tcp" | "udp"): PortMapEvent => ({
      type: "mapped",
      mapping: {
        protocol,
        port: 6881,
        externalPort: 7000,
        externalAddress: undefined,
        via: "pcp",
        gateway: GATEWAY,
        lifetimeMs: 1,
      },
    });
    let reannounced = 0;
    const follow = async (events: readonly PortMapEvent[]) => {
      held.length = 0;
      const mapper = {
        gateway: GATEWAY,
        async *events() {
          yield* events;
        },
      };
      await followPort(
        mapper as unknown as PortMapper,
        context,
        new Map([[1, { reannounce: () => reannounced++ }]]),
      );
      return held;
    };
    const startedAt = clock.now();
    assertEquals(await follow([mapped("udp")]), [startedAt + 2000]);
    assertEquals(await follow([mapped("tcp")]), [startedAt + 2000, -Infinity]);
    const failed = { type: "failed", request: undefined, reason: "" } as const;
    assertEquals(await follow([failed]), [startedAt + 2000, -Infinity]);
    assertEquals(reannounced, 0);
    await followPort(undefined, context, new Map());
    assertEquals(held.length, 2);
  },
);

Deno.test(
  "followPort() tells trackers of few changes out of turn",
  none,
  async () => {
    const clock = new SimClock();
    let listenPort = 6881;
    const context = {
      get listenPort() {
        return listenPort;
      },
      clock,
      announces: { hold: () => {} },
    };
    const mapper = {
      gateway: GATEWAY,
      async *events() {
        for (let i = 0; i < 60; i++) {
          listenPort++;
          await clock.advance(60_000);
          yield { type: "failed", request: undefined, reason: "" };
        }
      },
    };
    let reannounced = 0;
    await followPort(
      mapper as unknown as PortMapper,
      context,
      new Map([[1, { reannounce: () => reannounced++ }]]),
    );
    // Three at once, and one more in the hour but a minute.
    assertEquals(reannounced, 4);
  },
);

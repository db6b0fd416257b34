import { assert, assertEquals, assertThrows } from "@std/assert";
import { seededRandom } from "../../_shared/random.ts";
import { PortMapMachine, type PortRequest } from "../../portmap/mod.ts";
import {
  GATEWAY,
  IgdWorld,
  LOCAL,
  soap,
  soapFault,
} from "../support/igd_world.ts";

const none = { permissions: "none" } as const;
const HOUR = 3600_000;
const LOCATION = `http://${GATEWAY}:5000/root.xml`;
const BOTH: PortRequest[] = [
  { protocol: "tcp", port: 6881 },
  { protocol: "udp", port: 6881 },
];
const pcpOf = (world: IgdWorld) =>
  world.sent.filter(({ data }) => data[0] === 2);

Deno.test(
  "portmap - PCP maps at once, renews at three quarters, ends",
  none,
  () => {
    const world = new IgdWorld(BOTH);
    world.pcp = 0;
    world.meet();
    assertEquals(
      world.machine.mappings,
      BOTH.map((request) => ({
        ...request,
        externalPort: 6881,
        externalAddress: "11.0.0.1",
        via: "pcp" as const,
        gateway: GATEWAY,
        lifetimeMs: HOUR,
      })),
    );
    world.run(HOUR * 0.75 - 1);
    assertEquals(pcpOf(world).length, 2);
    world.run(1);
    assertEquals(pcpOf(world).length, 4);
    // A renewal is no news, and has the nonce of its mapping.
    assertEquals(world.mapped.length, 2);
    assertEquals(
      pcpOf(world)[2]!.data.slice(24, 36),
      pcpOf(world)[0]!.data.slice(24, 36),
    );
    world.close();
    assertEquals(world.closedAt, world.now);
    const removals = pcpOf(world).slice(4);
    assertEquals(removals.map(({ data }) => data.slice(4, 8).toHex()), [
      "00000000",
      "00000000",
    ]);
  },
);

Deno.test(
  "portmap - an old gateway gets NAT-PMP as soon as it says so",
  none,
  () => {
    const world = new IgdWorld(BOTH);
    world.pcp = 1;
    world.natPmp = 0;
    world.externalPort = (port) => port + 1000;
    world.meet();
    world.run(0);
    assertEquals(world.mapped, [["nat-pmp", 7881], ["nat-pmp", 7881]]);
    assertEquals(world.machine.mappings[0]!.externalAddress, "11.0.0.1");
    const before = world.sent.length;
    world.run(HOUR / 2 - 1);
    assertEquals(world.sent.length, before);
    world.run(1);
    // It asks for the port that it was given.
    const renewal = world.sent.slice(before).find(({ data }) => data[1] === 2)!;
    assertEquals(renewal.data.slice(4, 8).toHex(), "1ae11ec9");
    world.close();
    assertEquals(world.sent.at(-1)!.data.toHex(), "000100001ae1000000000000");
  },
);

Deno.test(
  "portmap - nobody answers: times, then again in two hours",
  none,
  () => {
    const world = new IgdWorld();
    world.meet();
    world.run(200_000);
    const at = (test: (data: Uint8Array) => boolean) =>
      world.sent.filter(({ data }) => test(data)).map((one) => one.at);
    const sums = Array.from({ length: 9 }, (_, i) => 125 * i * (i + 1));
    assertEquals(at((data) => data[0] === 2), sums);
    assertEquals(
      at((data) => data[0] === 0 && data.length === 12),
      sums.map((ms) => ms + 750),
    );
    const searches = new Set(at((data) => data[0] === 0x4d));
    assertEquals(
      [...searches],
      Array.from({ length: 12 }, (_, i) => i * (i + 1) * 1000),
    );
    assertEquals(world.failed, [
      "pcp: no answer; nat-pmp: no answer; upnp: no answer",
    ]);
    const before = world.sent.length;
    world.run(156_000 + 2 * HOUR - 200_001);
    assertEquals(world.sent.length, before);
    world.pcp = 0;
    world.run(1);
    assertEquals(world.mapped, [["pcp", 6881]]);
  },
);

Deno.test(
  "portmap - UPnP is described at once and asked after a second",
  none,
  () => {
    const world = new IgdWorld(BOTH);
    world.location = LOCATION;
    world.meet();
    world.run(999);
    assertEquals(world.actions.map(({ name }) => name), [
      "GetExternalIPAddress",
    ]);
    world.run(1);
    assertEquals(world.urls[0], LOCATION);
    assertEquals(world.mapped, [["upnp", 6881], ["upnp", 6881]]);
    assertEquals(
      world.actions.slice(1).map(({ name, lease }) => [name, lease]),
      [
        ["AddPortMapping", "3600"],
        ["AddPortMapping", "3600"],
      ],
    );
    const before = world.actions.length;
    world.run(HOUR * 0.75 - 1);
    assertEquals(world.actions.length, before);
    world.run(1);
    assertEquals(world.actions.length, before + 2);
    world.close();
    world.run(2000);
    assertEquals(
      world.actions.slice(-2).map(({ name, port }) => [name, port]),
      [
        ["DeletePortMapping", "6881"],
        ["DeletePortMapping", "6881"],
      ],
    );
  },
);

Deno.test(
  "portmap - only permanent leases (725), also where it says 402",
  none,
  () => {
    for (const code of [725, 402]) {
      const world = new IgdWorld();
      world.location = LOCATION;
      const { soap: good } = world;
      world.soap = (name, body) =>
        name === "AddPortMapping" && !body.includes("Duration>0<")
          ? soapFault(code)
          : good(name, body);
      world.meet();
      world.run(1000);
      assertEquals(world.machine.mappings[0]?.lifetimeMs, Infinity);
      assertEquals(world.actions.map(({ lease }) => lease), ["", "3600", "0"]);
      // It is looked after all the same.
      world.run(HOUR);
      assertEquals(world.actions.at(-1)!.lease, "0");
      assertEquals(world.actions.length, 4);
    }
  },
);

Deno.test(
  "portmap - a port that is taken (718, 501, 729): another, four times",
  none,
  () => {
    for (const code of [718, 501, 729]) {
      for (const conflicts of [2, 5]) {
        const world = new IgdWorld();
        world.location = LOCATION;
        const { soap: good } = world;
        let left = conflicts;
        world.soap = (name, body) =>
          name === "AddPortMapping" && left-- > 0
            ? soapFault(code)
            : good(name, body);
        world.meet();
        world.run(1000);
        const ports = world.actions.slice(1).map(({ port }) => Number(port));
        assertEquals(ports.length, Math.min(5, conflicts + 1));
        assertEquals(ports[0], 6881);
        for (const port of ports.slice(1)) {
          assert(
            port >= 40_000 && port < 50_000,
          );
        }
        if (conflicts === 2) {
          assertEquals(world.mapped, [[
            "upnp",
            ports.at(-1)!,
          ]]);
        } else assertEquals(world.mapped, []);
      }
    }
  },
);

Deno.test("portmap - a gateway of version 2 picks the port", none, () => {
  for (const knows of [true, false]) {
    const world = new IgdWorld();
    world.location = LOCATION;
    world.description = world.description!.replace(
      "Connection:1",
      "Connection:2",
    );
    const { soap: good } = world;
    world.soap = (name, body) =>
      name !== "AddAnyPortMapping"
        ? good(name, body)
        : knows
        ? soap(name, "<NewReservedPort>5000</NewReservedPort>")
        : soapFault(401);
    world.meet();
    world.run(1000);
    assertEquals(world.mapped, [["upnp", knows ? 5000 : 6881]]);
  }
});

Deno.test("portmap - nothing but the gateway is asked", none, () => {
  for (
    const location of [
      "http://192.168.1.9/root.xml",
      "http://example.org/",
      "https://192.168.1.1/",
    ]
  ) {
    const world = new IgdWorld();
    world.location = location;
    world.meet();
    world.run(200_000);
    assertEquals(world.urls, []);
  }
  const world = new IgdWorld();
  world.location = LOCATION;
  world.description = world.description!.replace("/ctl", "http://10.0.0.9/ctl");
  world.meet();
  world.run(200_000);
  assertEquals(world.urls, [LOCATION]);
  assertEquals(world.failed, [
    "pcp: no answer; nat-pmp: no answer; upnp: the gateway offers no connection",
  ]);
  // Redirects are no answers either.
  const other = new IgdWorld();
  other.location = LOCATION;
  other.soap = () => 307;
  other.meet();
  other.run(200_000);
  assertEquals(other.urls, [LOCATION, `http://${GATEWAY}:5000/ctl`]);
  const places = new Set(world.sent.map(({ host }) => host));
  assertEquals([...places].sort(), [GATEWAY, "239.255.255.250"]);
});

Deno.test(
  "portmap - a loopback gateway is searched without multicast",
  none,
  () => {
    const world = new IgdWorld();
    world.meet("127.0.0.9", "127.0.0.1");
    world.run(200_000);
    assertEquals([...new Set(world.sent.map(({ host }) => host))], [
      "127.0.0.9",
    ]);
  },
);

Deno.test(
  "portmap - answers of others, of other ports, and descriptions without end",
  none,
  () => {
    const world = new IgdWorld();
    world.meet();
    const { data } = pcpOf(world)[0]!;
    const forged = data.slice();
    forged[1] = 0x81;
    forged[43] = 9;
    world.receive(forged, "192.168.1.9");
    world.receive(forged, GATEWAY, 5350);
    const wrong = forged.slice();
    wrong[30]! ^= 1;
    world.receive(wrong);
    world.receive(forged.slice(0, 59));
    assertEquals(world.mapped, []);
    const text = (n: number) =>
      new TextEncoder().encode(
        `HTTP/1.1 200 OK\r\nLOCATION: http://${GATEWAY}/${n}\r\n\r\n`,
      );
    world.description = "<a>";
    for (let i = 0; i < 1000; i++) world.receive(text(i), GATEWAY, 1900);
    assertEquals(world.urls.length, 8);
    world.receive(forged);
    assertEquals(world.mapped.length, 1);
  },
);

Deno.test(
  "portmap - a gateway that started again is asked for all at once",
  none,
  () => {
    for (const via of ["pcp", "natPmp"] as const) {
      const world = new IgdWorld(BOTH);
      world.pcp = 1;
      world[via] = 0;
      world.lifeSeconds = 1000;
      world.meet();
      world.run(200_000);
      const before = world.sent.length;
      world.bootAt = world.now;
      // The first renewal says it; the other port does not wait for its own.
      world.run(via === "pcp" ? 551_000 : 301_000);
      assert(world.sent.length > before);
      assertEquals(world.machine.mappings.length, 2);
    }
    const world = new IgdWorld(BOTH);
    world.pcp = 0;
    world.meet();
    world.run(100_000);
    assertEquals(pcpOf(world).length, 2);
    const announce = new Uint8Array(24);
    announce.set([2, 0x80]);
    world.bootAt = world.now;
    world.receive(announce);
    assertEquals(pcpOf(world).length, 4);
    // Not again and again.
    for (let i = 0; i < 100; i++) {
      world.bootAt = world.now + 1000 * (i % 2) * 1000;
      announce[10] = i % 2;
      world.receive(announce);
    }
    assertEquals(pcpOf(world).length, 4);
  },
);

Deno.test(
  "portmap - renewals without an answer, and a mapping that lapses",
  none,
  () => {
    const world = new IgdWorld();
    world.pcp = 0;
    world.lifeSeconds = 600;
    world.meet();
    world.run(300_000);
    world.pcp = undefined;
    world.run(299_999);
    assertEquals(world.machine.mappings.length, 1);
    assert(world.failed.length >= 1);
    world.run(1);
    assertEquals(world.machine.mappings, []);
    assertEquals(world.events.at(-1)!.type, "unmapped");
    // And everything is tried anew.
    world.natPmp = 0;
    world.run(1000);
    assertEquals(world.mapped.at(-1), ["nat-pmp", 6881]);
  },
);

Deno.test(
  "portmap - a life of nothing costs little, one without end is not believed",
  none,
  () => {
    const world = new IgdWorld();
    world.pcp = 0;
    world.lifeSeconds = 1;
    world.meet();
    world.run(HOUR);
    assert(world.sent.length < 400, `${world.sent.length}`);
    const other = new IgdWorld();
    other.pcp = 0;
    other.lifeSeconds = 0xffffffff;
    other.meet();
    assertEquals(other.machine.mappings[0]!.lifetimeMs, 24 * HOUR);
  },
);

Deno.test("portmap - another gateway, and none", none, () => {
  const world = new IgdWorld();
  world.pcp = 0;
  world.meet();
  world.meet();
  assertEquals(world.events.map(({ type }) => type), ["gateway", "mapped"]);
  world.meet("192.168.7.1", "192.168.7.2");
  assertEquals(world.events.slice(2).map(({ type }) => type), [
    "unmapped",
    "gateway",
  ]);
  assertEquals(world.sent.at(-1)!.host, "192.168.7.1");
  world.leave();
  const before = world.sent.length;
  world.run(HOUR);
  assertEquals(world.sent.length, before);
  world.meet(GATEWAY, LOCAL);
  assertEquals(world.mapped.length, 2);
});

Deno.test("portmap - refused ports are told and asked for again", none, () => {
  const world = new IgdWorld(BOTH);
  world.location = LOCATION;
  world.pcp = 2;
  world.natPmp = 2;
  const { soap: good } = world;
  world.soap = (name, body) =>
    body.includes(">UDP<") ? soapFault(606) : good(name, body);
  world.meet();
  world.run(0);
  assertEquals(world.mapped, [["upnp", 6881]]);
  assertEquals(world.failed, ["not authorized"]);
  world.soap = good;
  world.run(60_000);
  assertEquals(world.mapped.length, 2);
});

Deno.test(
  "portmap - an address outside that nobody has is not told",
  none,
  () => {
    for (const ip of [[0, 0, 0, 0], [127, 0, 0, 1], [224, 0, 0, 1]]) {
      const world = new IgdWorld();
      world.pcp = 0;
      world.externalAddress = ip;
      world.meet();
      assertEquals(world.machine.mappings[0]!.externalAddress, undefined);
    }
  },
);

Deno.test("portmap - without our own address there is no PCP", none, () => {
  const world = new IgdWorld();
  world.pcp = world.natPmp = 0;
  world.machine.handle(
    { type: "gateway", gateway: GATEWAY, local: undefined },
    0,
  );
  world.run(0);
  assertEquals(world.mapped, [["nat-pmp", 6881]]);
  assertEquals(pcpOf(world), []);
});

Deno.test("portmap - closing takes two seconds at most", none, () => {
  const world = new IgdWorld();
  world.pcp = 0;
  world.meet();
  world.pcp = undefined;
  world.close();
  world.run(1999);
  assertEquals(world.closedAt, undefined);
  world.run(1);
  assertEquals(world.closedAt, 2000);
  assertEquals(world.machine.deadline, undefined);
  const idle = new IgdWorld();
  idle.close();
  assertEquals(idle.closedAt, 0);
});

Deno.test("portmap - wrong ports are refused", none, () => {
  const make = (ports: PortRequest[]) =>
    new PortMapMachine({ ports, random: seededRandom(1) });
  assertThrows(() => make([]), RangeError, "1 to 50");
  const many = Array.from(
    { length: 51 },
    (_, i) => ({ ...BOTH[0]!, port: i + 1 }),
  );
  assertThrows(() => make(many), RangeError, "1 to 50");
  assertEquals(make(many.slice(1)).mappings, []);
  for (const port of [0, 65_536, 1.5]) {
    assertThrows(
      () => make([{ protocol: "tcp", port }]),
      RangeError,
      "1 to 65535",
    );
  }
});

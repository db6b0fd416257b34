// What services are opened with, and what becomes of those that cannot be.
import { assertEquals, assertRejects } from "@std/assert";
import type {
  DatagramOptions,
  DatagramSocket,
} from "../../../_shared/datagram.ts";
import type { Privacy } from "../../../client/session/privacy.ts";
import {
  isMappable,
  openServices,
} from "../../../client/session/session_services.ts";
import type { SessionOptions } from "../../../client/types.ts";
import { seededRandom } from "../../../_shared/random.ts";
import { DatagramNetwork } from "../../../testing/datagram_network.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

const none = { permissions: "none" } as const;
const LOCAL = { hostname: "10.0.0.2", port: 6881 };

/** Opens services in a network of memory; what sockets they asked for. */
function setUp(
  options: SessionOptions,
  privacy: Partial<Privacy> & { readonly addresses?: readonly string[] } = {},
) {
  const clock = new SimClock();
  const network = new DatagramNetwork({ clock, seed: 1 });
  const asked: DatagramOptions[] = [];
  /** Throws where a socket is not to be had. */
  const world = { check: (_options: DatagramOptions) => {} };
  const openSocket = (options: DatagramOptions): Promise<DatagramSocket> => {
    asked.push(options);
    try {
      world.check(options);
    } catch (error) {
      return Promise.reject(error);
    }
    const { hostname = LOCAL.hostname, port = 0 } = options;
    return Promise.resolve(network.socket({ hostname, port }));
  };
  const { addresses, ...rest } = privacy;
  const whole = {
    options: { clock, random: seededRandom(1), utp: "off", ...options },
    blocklist: { sockets: (open: unknown) => open },
    tellsPort: true,
    direct: { openSocket, tcp: {} },
    ...(addresses ? { bound: { addresses } } : {}),
    ...rest,
  } as unknown as Privacy;
  return { privacy: whole, asked, world, openSocket, network, clock };
}

Deno.test(
  "openServices() opens nothing that nobody asked for",
  none,
  async () => {
    const { privacy, asked } = setUp({});
    const services = await openServices(privacy, LOCAL);
    const { dht, lookups, sources, mapper } = services;
    assertEquals([dht, lookups, mapper, sources], [
      undefined,
      undefined,
      undefined,
      [],
    ]);
    await services.close();
    assertEquals(asked, []);
  },
);

Deno.test(
  "openServices() has the DHT node where we listen, unless told otherwise",
  none,
  async () => {
    for (
      const [local, dht, bound, hostname, port] of [
        [LOCAL, {}, undefined, "10.0.0.2", 6881],
        [LOCAL, { port: 7000 }, undefined, "10.0.0.2", 7000],
        [LOCAL, { hostname: "10.0.0.3" }, undefined, "10.0.0.3", 6881],
        [LOCAL, { families: [4] }, ["10.0.0.9"], undefined, 6881],
        [
          { ...LOCAL, hostname: "0.0.0.0" },
          { families: [4] },
          undefined,
          undefined,
          6881,
        ],
        [undefined, { families: [4] }, undefined, undefined, 0],
      ] as const
    ) {
      const { privacy, asked } = setUp(
        { dht: { bootstrap: [], ...dht } },
        bound ? { addresses: bound } : {},
      );
      const services = await openServices(privacy, local);
      assertEquals(services.sources.length, 1);
      assertEquals(services.dht!.locals[0]!.port > 0, true);
      const [first] = asked;
      assertEquals(asked.length, 1);
      const isEverywhere = !first!.hostname || first!.hostname === "0.0.0.0";
      assertEquals(isEverywhere ? undefined : first!.hostname, hostname);
      assertEquals(first!.port ?? 0, port);
      await services.close();
    }
  },
);

Deno.test(
  "openServices() takes another port for the DHT, and no refusal",
  none,
  async () => {
    const options = { dht: { bootstrap: [], hostname: "10.0.0.2" } };
    const taken = setUp(options);
    taken.world.check = ({ port }) => {
      if (port === 6881) throw new Deno.errors.AddrInUse("Taken");
    };
    const services = await openServices(taken.privacy, LOCAL);
    assertEquals(taken.asked.map(({ port }) => port ?? 0), [6881, 0]);
    await services.close();
    for (const error of [new Deno.errors.NotCapable("No"), "No"]) {
      const refused = setUp(options);
      refused.world.check = () => {
        throw error;
      };
      const result = await openServices(refused.privacy, LOCAL).catch((e) => e);
      assertEquals(result === error, true);
      assertEquals(refused.asked.length, 1);
    }
    // A port that a person chose is not exchanged.
    const chosen = setUp({ dht: { ...options.dht, port: 6881 } });
    chosen.world.check = taken.world.check;
    await assertRejects(
      () => openServices(chosen.privacy, LOCAL),
      Error,
      "Taken",
    );
    assertEquals(chosen.asked.length, 1);
  },
);

Deno.test(
  "openServices() shares the socket of uTP with the DHT, not through a proxy",
  none,
  async () => {
    for (const tellsPort of [true, false]) {
      const { privacy, asked, openSocket } = setUp(
        { dht: { bootstrap: [] } },
        { tellsPort },
      );
      let shares = 0;
      const transport = {
        share: (where: DatagramOptions) => (shares++, openSocket(where)),
        [Symbol.dispose]() {},
      };
      const utp = { port: 6881, transport } as never;
      const services = await openServices(privacy, LOCAL, utp);
      assertEquals([shares, asked.length], [tellsPort ? 1 : 0, 1]);
      await services.close();
    }
  },
);

/** The ports that a gateway is asked for, and by which address. */
async function mapped(
  options: SessionOptions,
  more: Parameters<typeof setUp>[1] & { readonly utpPort?: number } = {},
  local: typeof LOCAL | undefined = LOCAL,
): Promise<string[] | undefined> {
  const { utpPort, ...privacy } = more;
  const gateway = "10.0.0.1";
  const it = setUp({
    portMap: { gateway, transport: {} as never },
    ...options,
  }, privacy);
  // Without an address of its own the mapper takes any.
  const plain = { ...it.privacy.options };
  if (plain.portMap && !privacy.addresses) {
    plain.portMap = {
      ...plain.portMap,
      socket: it.openSocket,
      local: "10.0.0.2",
    };
  }
  const asked = new Set<string>();
  using socket = it.network.socket({ hostname: gateway, port: 5351 });
  void (async () => {
    for (let one; (one = await socket.receive()) !== undefined;) {
      const { data, from } = one;
      if (data[0] !== 2 || data[1] !== 1) continue;
      const port = data[40]! * 256 + data[41]!;
      asked.add(`${from.hostname} ${data[36] === 6 ? "tcp" : "udp"} ${port}`);
    }
  })();
  const utp = utpPort === undefined ? undefined : {
    port: utpPort,
    transport: { share: it.openSocket, [Symbol.dispose]() {} },
  };
  const services = await openServices(
    { ...it.privacy, options: plain },
    local,
    utp as never,
  );
  await it.clock.advance(1_000);
  const closing = services.close();
  await it.clock.advance(10_000);
  await closing;
  return services.mapper && [...asked].sort();
}

Deno.test(
  "openServices() maps what we listen on, each port once, if strangers can come",
  none,
  async () => {
    const dht = { bootstrap: [] };
    const here = (...ports: string[]) =>
      ports.map((port) => `10.0.0.2 ${port}`);
    assertEquals(await mapped({}), here("tcp 6881"));
    assertEquals(
      await mapped({ dht }, { utpPort: 6881 }),
      here("tcp 6881", "udp 6881"),
    );
    assertEquals(
      await mapped({ dht: { ...dht, port: 7000 } }, { utpPort: 6881 }),
      here("tcp 6881", "udp 6881", "udp 7000"),
    );
    assertEquals(await mapped({ portMap: false }), undefined);
    assertEquals(await mapped({}, { tellsPort: false }), undefined);
    const loopback = { hostname: "127.0.0.1", port: 6881 };
    assertEquals(await mapped({}, {}, loopback), undefined);
    // Bound, it is the address of IPv4 that is mapped.
    const addresses = ["fd00::1", "10.0.0.7"];
    assertEquals(await mapped({}, { addresses }, loopback), [
      "10.0.0.7 tcp 6881",
    ]);
    const onlyV6 = { addresses: ["fd00::1"] };
    assertEquals(await mapped({}, onlyV6, loopback), undefined);
    await assertRejects(
      () => mapped({ portMap: { gateway: "nonsense" } }),
      RangeError,
    );
    const { privacy } = setUp({ portMap: { gateway: "10.0.0.1" } });
    const deaf = await openServices(privacy, undefined);
    assertEquals(deaf.mapper, undefined);
    await deaf.close();
  },
);

Deno.test(
  "openServices() looks for neighbours by the interface that is bound, or chosen",
  none,
  async () => {
    const networks = ["10.0.0.2", "10.0.0.7"].map((address, i) => ({
      name: `eth${i}`,
      family: 4 as const,
      address,
      prefixLength: 24,
    }));
    for (
      const [addresses, interfaces, used] of [
        [undefined, undefined, ["10.0.0.2", "10.0.0.7"]],
        [undefined, ["eth1"], ["10.0.0.7"]],
        [["10.0.0.7"], undefined, ["10.0.0.7"]],
        [["10.0.0.7"], ["eth0"], ["10.0.0.2"]],
      ] as const
    ) {
      const asked: unknown[] = [];
      const it = setUp({
        lpd: {
          networks: () => networks,
          ...(interfaces ? { interfaces } : {}),
          socket: (options) => {
            asked.push(options.multicast!.interface);
            return it.openSocket({ ...options, hostname: "10.0.0.2", port: 0 });
          },
        },
      }, addresses ? { addresses } : {});
      const services = await openServices(it.privacy, LOCAL);
      assertEquals([asked, services.sources.length], [[...used], 1]);
      await services.close();
    }
  },
);

Deno.test(
  "openServices() does without neighbours where no socket is to be had",
  none,
  async () => {
    const lpd = {
      networks: () => undefined,
      socket: () => Promise.reject(new Error("No multicast here")),
    };
    const services = await openServices(setUp({ lpd }).privacy, LOCAL);
    assertEquals(services.sources, []);
    await services.close();
    await assertRejects(
      () => openServices(setUp({ lpd: { ...lpd, ttl: 0 } }).privacy, LOCAL),
      RangeError,
      "ttl",
    );
  },
);

Deno.test(
  "openServices(): a DHT node refuses uTP where there is none, of our own",
  none,
  async () => {
    for (
      const [options, isRefused] of [
        [{ utp: "off" }, true],
        [{ utp: "both" }, false],
        [{ utp: "off", transports: [] }, false],
      ] as [SessionOptions, boolean][]
    ) {
      const it = setUp({ dht: { bootstrap: [] }, ...options });
      const services = await openServices(it.privacy, LOCAL);
      using stranger = it.network.socket({ hostname: "10.0.0.5", port: 5 });
      const syn = new Uint8Array(20);
      syn[0] = 0x41;
      await stranger.send(syn, LOCAL);
      let reply: number | undefined;
      void stranger.receive().then((one) => reply = one?.data[0]);
      await it.clock.advance(1_000);
      assertEquals(reply, isRefused ? 0x31 : undefined);
      await services.close();
    }
  },
);

Deno.test(
  "isMappable(): private addresses of IPv4, and all at once",
  none,
  () => {
    const told = (hostname: string, port = 1) => isMappable({ hostname, port });
    for (const hostname of ["10.0.0.1", "169.254.0.1", "0.0.0.0", "::"]) {
      assertEquals(told(hostname), true, hostname);
      assertEquals(told(hostname, 0), false, hostname);
    }
    for (
      const hostname of ["8.8.8.8", "127.0.0.1", "fd00::1", "fe80::1", "x"]
    ) {
      assertEquals(told(hostname), false, hostname);
    }
  },
);

import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import type {
  Datagram,
  DatagramOptions,
  DatagramSocket,
} from "../../_shared/datagram.ts";
import { seededRandom } from "../../_shared/random.ts";
import {
  encodeLpdAnnounce,
  hashServiceName,
  LocalDiscovery,
  type LocalDiscoveryOptions,
  type LocalNetwork,
  LpdError,
} from "../../lpd/mod.ts";
import { SimClock } from "../../testing/sim_clock.ts";

const none = { permissions: "none" } as const;
const hash = hashServiceName("a");
const eth = (address: string, family: 4 | 6 = 4): LocalNetwork => ({
  name: "eth0",
  family,
  address,
  prefixLength: family === 4 ? 24 : 64,
});
const lo: LocalNetwork = {
  name: "lo",
  family: 4,
  address: "127.0.0.1",
  prefixLength: 8,
};

/** Sockets that keep what is sent and give what is put in. */
class Fake {
  readonly clock = new SimClock();
  readonly opened: DatagramOptions[] = [];
  readonly sent: [host: string, data: Uint8Array][] = [];
  readonly sockets: { deliver(datagram: Datagram): void; closed: boolean }[] =
    [];
  networks: LocalNetwork[] | undefined = [lo, eth("192.168.1.2")];
  failWith: Error | undefined;

  options(): LocalDiscoveryOptions {
    return {
      clock: this.clock,
      random: seededRandom(3),
      networks: () => this.networks,
      socket: (options) => this.#open(options),
    };
  }

  #open(options: DatagramOptions): Promise<DatagramSocket> {
    if (this.failWith !== undefined) return Promise.reject(this.failWith);
    this.opened.push(options);
    const waiting: Datagram[] = [];
    let wake: (() => void) | undefined;
    const state = {
      closed: false,
      deliver: (datagram: Datagram) => {
        waiting.push(datagram);
        wake?.();
      },
    };
    this.sockets.push(state);
    const close = () => {
      state.closed = true;
      wake?.();
    };
    return Promise.resolve({
      local: { hostname: "0.0.0.0", port: 6771 },
      dropped: 0,
      receive: async () => {
        while (!state.closed) {
          const datagram = waiting.shift();
          if (datagram !== undefined) return datagram;
          await new Promise<void>((resolve) => wake = resolve);
        }
        return undefined;
      },
      send: (data, to) => {
        this.sent.push([to.hostname, data.slice()]);
        return Promise.resolve();
      },
      close,
      [Symbol.dispose]: close,
    });
  }
}

const heard = (port = 7000): Datagram => ({
  data: encodeLpdAnnounce({ port, infoHashes: [hash], cookie: "x" }),
  from: { hostname: "192.168.1.9", port: 6771 },
});

Deno.test("each interface gets a socket in the group", none, async () => {
  const fake = new Fake();
  fake.networks = [
    lo,
    eth("192.168.1.2"),
    eth("fe80::1", 6),
    eth("fd00::1", 6),
  ];
  await using discovery = await LocalDiscovery.open(fake.options());
  assertEquals(discovery.stats().interfaces, [
    "eth0/192.168.1.2",
    "eth0/::%eth0",
  ]);
  const multicast = { ttl: 1, loopback: true };
  assertEquals(fake.opened, [
    {
      hostname: "0.0.0.0",
      port: 6771,
      reuseAddress: true,
      multicast: {
        ...multicast,
        group: "239.192.152.143",
        interface: "192.168.1.2",
      },
    },
    {
      hostname: "::",
      port: 6771,
      reuseAddress: true,
      multicast: {
        ...multicast,
        group: "ff15::efc0:988f",
        interface: "::%eth0",
      },
    },
  ]);
});

Deno.test(
  "announces are sent, peers come out as candidates",
  none,
  async () => {
    const fake = new Fake();
    const discovery = await LocalDiscovery.open(fake.options());
    discovery.announce(hash, 6881);
    await fake.clock.advance(5000);
    assertEquals(
      fake.sent.map(([host]) => host),
      Array(3).fill("239.192.152.143"),
    );
    fake.sockets[0]!.deliver(heard());
    const reader = discovery.peers.getReader();
    assertEquals((await reader.read()).value, {
      infoHash: hash,
      address: { hostname: "192.168.1.9", port: 7000 },
      source: "lpd",
      teller: "192.168.1.9",
    });
    const { sent, received, hashes } = discovery.stats();
    assertEquals([sent, received, hashes], [3, 1, 1]);
    discovery.remove(hash);
    await fake.clock.advance(30 * 60_000);
    assertEquals(fake.sent.length, 3);
    await Promise.all([discovery.close(), discovery.close()]);
    assertEquals((await reader.read()).done, true);
    assertEquals(fake.clock.pending, 0);
    assert(fake.sockets.every((socket) => socket.closed));
    discovery.announce(hash, 6881);
    assertEquals(fake.clock.pending, 0);
  },
);

Deno.test("interfaces that come and go are followed", none, async () => {
  const fake = new Fake();
  fake.networks = [lo];
  await using discovery = await LocalDiscovery.open(fake.options());
  assertEquals(discovery.stats().interfaces, []);
  discovery.announce(hash, 6881);
  fake.networks = [lo, eth("192.168.1.2")];
  await fake.clock.advance(60_000);
  assertEquals(discovery.stats().interfaces, ["eth0/192.168.1.2"]);
  fake.networks = [lo, eth("192.168.7.7")];
  await fake.clock.advance(60_000);
  assertEquals(discovery.stats().interfaces, ["eth0/192.168.7.7"]);
  assertEquals(fake.sockets.map((socket) => socket.closed), [true, false]);
  fake.failWith = new Error("No such device");
  fake.networks = [eth("192.168.8.8")];
  await fake.clock.advance(60_000);
  assertEquals(discovery.stats().interfaces, []);
  fake.failWith = undefined;
  await fake.clock.advance(60_000);
  assertEquals(discovery.stats().interfaces, ["eth0/192.168.8.8"]);
});

Deno.test("interfaces and families can be chosen", none, async () => {
  const fake = new Fake();
  await using byName = await LocalDiscovery.open({
    ...fake.options(),
    interfaces: ["lo"],
  });
  assertEquals(byName.stats().interfaces, ["lo/127.0.0.1"]);
  fake.networks = undefined;
  await using unknown = await LocalDiscovery.open({
    ...fake.options(),
    families: [6],
  });
  assertEquals(unknown.stats().interfaces, ["default/6"]);
  assertEquals(fake.opened.at(-1)!.multicast, {
    group: "ff15::efc0:988f",
    ttl: 1,
    loopback: true,
  });
});

Deno.test("no socket at all is an LpdError with its cause", none, async () => {
  const fake = new Fake();
  fake.failWith = new Error("Address in use");
  const error = await assertRejects(
    () => LocalDiscovery.open(fake.options()),
    LpdError,
  );
  assertEquals([error.code, error.cause], ["unavailable", fake.failWith]);
  assertEquals(fake.clock.pending, 0);
});

Deno.test("the signal, the loop and the stream close it", none, async () => {
  const fake = new Fake();
  const abort = new AbortController();
  const first = await LocalDiscovery.open({
    ...fake.options(),
    signal: abort.signal,
  });
  const ended = Array.fromAsync(first);
  abort.abort();
  assertEquals(await ended, []);
  const second = await LocalDiscovery.open(fake.options());
  second.watch(hash);
  fake.sockets[1]!.deliver(heard());
  for await (const peer of second) {
    assertEquals(peer.address.port, 7000);
    break;
  }
  await second.closed;
  assertStrictEquals(second.close(), second.closed);
  const third = await LocalDiscovery.open(fake.options());
  await third.peers.cancel();
  await third.closed;
  assertEquals(fake.clock.pending, 0);
  const reason = new Error("Enough");
  const options = { ...fake.options(), signal: AbortSignal.abort(reason) };
  assertEquals(await assertRejects(() => LocalDiscovery.open(options)), reason);
});

Deno.test("nonsense in options is a RangeError", none, async () => {
  const fake = new Fake();
  for (
    const bad of [{ rescanMs: 0 }, { ttl: 256 }, { ttl: 0 }, { intervalMs: -1 }]
  ) {
    const open = () => LocalDiscovery.open({ ...fake.options(), ...bad });
    await assertRejects(open, RangeError);
  }
});

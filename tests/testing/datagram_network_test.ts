import { assert, assertEquals, assertRejects } from "@std/assert";
import { seededRandom } from "../../_shared/random.ts";
import { MainlineDht } from "../../dht/mod.ts";
import {
  DatagramNetwork,
  type DatagramNetworkOptions,
} from "../../testing/datagram_network.ts";
import { SimClock } from "../../testing/sim_clock.ts";

const A = { hostname: "192.0.2.1", port: 1 };
const B = { hostname: "192.0.2.2", port: 2 };

function world(options: Partial<DatagramNetworkOptions> = {}) {
  const clock = new SimClock();
  return { clock, net: new DatagramNetwork({ clock, seed: 1, ...options }) };
}

Deno.test({
  name: "DatagramNetwork - datagrams take a while, and overtake each other",
  permissions: "none",
  fn() {
    const { clock, net } = world({ latencyMs: [20, 90] });
    const got: [number, number][] = [];
    net.attach(B, (data, from, now) => {
      assertEquals(from, A);
      got.push([data[0]!, now]);
    });
    const a = net.attach(A, () => {});
    const buffer = new Uint8Array(1);
    for (let i = 0; i < 100; i++) {
      buffer[0] = i;
      a.send(buffer, B);
    }
    clock.runSync(19);
    assertEquals(got, []);
    clock.runSync(90);
    const order = got.map(([n]) => n);
    assertEquals([...order].sort((x, y) => x - y), [...Array(100).keys()]);
    assert(order.some((n, i) => i > 0 && n < order[i - 1]!), "none overtaken");
    assert(got.every(([, now]) => now >= 20 && now <= 90));
    a.leave();
    a.leave();
    assertEquals(a.online, false);
    a.send(buffer, B);
    const { sent, delivered, bytes } = net.stats;
    assertEquals([sent, delivered, bytes], [100, 100, 100]);
  },
});

Deno.test({
  name: "DatagramNetwork - loss, duplicates, length, nobody there",
  permissions: "none",
  fn() {
    const { clock, net } = world({ loss: 0.2, duplicates: 0.1, mtu: 100 });
    net.attach(B, () => {});
    for (let i = 0; i < 2000; i++) net.transmit(new Uint8Array(100), A, B);
    net.transmit(new Uint8Array(101), A, B);
    clock.runSync(1000);
    const { stats } = net;
    assertEquals(stats.tooLong, 1);
    assertEquals(stats.sent, 2001);
    assert(stats.lost > 350 && stats.lost < 530, `${stats.lost} lost`);
    const copies = stats.delivered + stats.lost;
    assert(copies > 2120 && copies < 2280, `${copies} copies`);
    net.loss = 0;
    net.transmit(new Uint8Array(1), B, A);
    clock.runSync(2000);
    assertEquals(stats.unreachable >= 1, true);
  },
});

Deno.test({
  name: "DatagramNetwork - a NAT lets in who was sent to within a minute",
  permissions: "none",
  fn() {
    const { clock, net } = world({ latencyMs: [1, 1] });
    let got = 0;
    const a = net.attach(A, () => got++, { nat: true });
    const b = net.attach(B, () => {});
    const ask = () => {
      b.send(new Uint8Array(1), A);
      clock.runSync(clock.now() + 1);
      return got;
    };
    assertEquals(ask(), 0);
    a.send(new Uint8Array(1), B);
    assertEquals(ask(), 1);
    clock.runSync(60_000);
    assertEquals(ask(), 2);
    assertEquals(ask(), 2);
    assertEquals(net.stats.unreachable, 2);
  },
});

Deno.test({
  name: "DatagramNetwork - sockets: a bounded queue, free ports, an end",
  permissions: "none",
  async fn() {
    const { clock, net } = world();
    const a = net.socket({ hostname: A.hostname, port: 0 });
    const b = net.socket(B);
    assert(a.local.port > 0);
    const waiting = b.receive();
    await a.send(Uint8Array.of(7), b.local);
    await clock.advance(150);
    assertEquals(await waiting, { data: Uint8Array.of(7), from: a.local });
    for (let i = 0; i < 1030; i++) await a.send(Uint8Array.of(i), b.local);
    await clock.advance(150);
    assertEquals(b.dropped, 6);
    const last = a.receive();
    a.close();
    assertEquals(await last, undefined);
    await assertRejects(
      () => a.send(Uint8Array.of(1), b.local),
      Deno.errors.BadResource,
    );
    b.close();
    assertEquals(await b.receive(), undefined);
    // The address is free again.
    net.socket(B).close();
  },
});

Deno.test({
  name: "DatagramNetwork - nodes of the DHT find a peer in virtual time",
  permissions: "none",
  async fn() {
    const { clock, net } = world();
    const open = (n: number) => {
      const local = { hostname: `83.${n}.7.1`, port: 6881 };
      return MainlineDht.open({
        ...local,
        clock,
        random: seededRandom(n),
        socket: () => Promise.resolve(net.socket(local)),
        bootstrap: n === 1 ? [] : [{ hostname: "83.1.7.1", port: 6881 }],
      });
    };
    const nodes = [];
    for (let n = 1; n <= 8; n++) {
      nodes.push(await open(n));
      await clock.advance(5_000);
    }
    const infoHash = new Uint8Array(20).fill(7);
    const run = async <T>(promise: Promise<T>) => {
      let done = false;
      promise.then(() => done = true, () => done = true);
      const before = clock.now();
      assert(await clock.runUntil(before + 60_000, () => done), "it ends");
      return await promise;
    };
    const peersOf = async (dht: MainlineDht, announcePort?: number) =>
      await run(Array.fromAsync(
        dht.getPeers(infoHash, { ...announcePort && { announcePort } }),
      ));
    assertEquals(await peersOf(nodes[3]!, 7001), []);
    const found = await peersOf(nodes[6]!);
    assertEquals(found.map(({ address }) => address), [
      { hostname: "83.4.7.1", port: 7001 },
    ]);
    await run(Promise.all(nodes.map((dht) => dht.close())));
  },
});

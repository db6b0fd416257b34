/**
 * Our node for `dht_bench.ts`, and a bare echo beside it.
 *
 * `deno run -A --unstable-net dht_node.ts node PORT CROWD_PORT COUNT` gets to
 * know the crowd of dht_load.c, then prints `up` and its node count;
 * `... echo PORT` only sends back what comes.
 *
 * @module
 */
import { MainlineDht } from "../../dht/mod.ts";

const [mode, port, crowdPort, count] = Deno.args;

async function echo(): Promise<void> {
  const conn = Deno.listenDatagram({
    transport: "udp",
    hostname: "127.0.0.1",
    port: Number(port),
  });
  console.log("up");
  const buffer = new Uint8Array(65_536);
  while (true) {
    const [data, from] = await conn.receive(buffer);
    // The load generator takes no queries for answers.
    data[data.length - 2] = 0x72;
    await conn.send(data, from);
  }
}

async function node(): Promise<void> {
  const dht = await MainlineDht.open({
    hostname: "127.0.0.1",
    port: Number(port),
    bootstrap: [],
    limits: {
      maxPackets: Infinity,
      replyBytesPerSecond: Infinity,
      limitLoopback: false,
    },
  });
  const pings: Promise<unknown>[] = [];
  for (let i = 0; i < Number(count); i++) {
    const hostname = `127.${64 + Math.floor(i / 250)}.${1 + i % 250}.1`;
    const endpoint = { hostname, port: Number(crowdPort) };
    pings.push(dht.ping(endpoint).catch(() => undefined));
    if (i % 25 === 24) await new Promise((done) => setTimeout(done, 20));
  }
  await Promise.all(pings);
  console.log(`up ${dht.stats().nodes}`);
}

await (mode === "echo" ? echo() : node());

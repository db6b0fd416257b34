/**
 * Our DHT against libtorrent's and transmission's, both ways, on loopback.
 */
import { assert, assertEquals } from "@std/assert";
import { formatEndpoint } from "../../_shared/address.ts";
import { encodeText, toHex } from "../../_shared/bytes.ts";
import { immutableItemTarget, MainlineDht } from "../../dht/mod.ts";
import { fromFileUrl, TempDir } from "../support/paths.ts";
import { Child } from "../support/process.ts";
import { freePort, interopTest } from "./programs.ts";

const hostname = "127.0.0.1";
const infoHash = new Uint8Array(20).map((_, i) => 17 * i + 3);
const script = fromFileUrl(
  new URL("./peers/libtorrent_dht.py", import.meta.url),
);

function libtorrent(...args: string[]): Child {
  return new Child("/usr/bin/python3", { args: [script, ...args] });
}

async function portOf(child: Child): Promise<number> {
  return Number((await child.line("listening")).port);
}

/** Repeats until something comes of it. */
async function until<T>(
  what: string,
  attempt: () => Promise<T | undefined>,
  withinMs = 40_000,
): Promise<T> {
  const end = performance.now() + withinMs;
  while (performance.now() < end) {
    const result = await attempt();
    if (result !== undefined) return result;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`Not within ${withinMs} ms: ${what}`);
}

interopTest("dht - libtorrent: bootstrap from it, announce there, find there", [
  "libtorrent",
], async () => {
  await using child = libtorrent("stay");
  const port = await portOf(child);
  await using dht = await MainlineDht.open({
    hostname,
    bootstrap: [{ hostname, port }],
  });
  await dht.bootstrapped;
  const pong = await dht.ping({ hostname, port });
  assertEquals(toHex(pong.version!).slice(0, 4), toHex(encodeText("LT")));
  assertEquals(pong.externalAddress, dht.localEndpoints[0]);
  const result = await until("an announce is stored", async () => {
    const { stored } = await dht.announce(infoHash, { port: 4321, seed: true });
    return stored.length > 0 ? stored : undefined;
  });
  assertEquals(result[0]!.address.port, port);
  const peers = await Array.fromAsync(dht.getPeers(infoHash));
  assertEquals(peers.map(({ address }) => formatEndpoint(address)), [
    `${hostname}:4321`,
  ]);
  const found = await dht.findNode(infoHash);
  assertEquals(found[0]!.id, pong.node.id);
});

interopTest("dht - libtorrent: bootstraps from us, announces and finds here", [
  "libtorrent",
], async () => {
  await using dht = await MainlineDht.open({ hostname, bootstrap: [] });
  const node = formatEndpoint(dht.localEndpoints[0]!);
  await using announcer = libtorrent(
    "--node",
    node,
    "announce",
    toHex(infoHash),
    "5555",
  );
  await announcer.line("listening");
  const peer = await until("libtorrent announces to us", async () => {
    const [first] = await Array.fromAsync(dht.getPeers(infoHash));
    return first?.address;
  });
  assertEquals(peer, { hostname, port: 5555 });
  await using finder = libtorrent(
    "--node",
    node,
    "get-peers",
    toHex(infoHash),
  );
  const line = await finder.line("peers");
  assertEquals(line.peers, [`${hostname}:5555`]);
});

interopTest("dht - libtorrent: immutable items, both ways", [
  "libtorrent",
], async () => {
  await using dht = await MainlineDht.open({ hostname, bootstrap: [] });
  const node = formatEndpoint(dht.localEndpoints[0]!);
  await using putter = libtorrent("--node", node, "put-immutable", "from them");
  const put = await putter.line("put", ({ stored }) => Number(stored) > 0);
  const target = immutableItemTarget(encodeText("9:from them"));
  assertEquals(put.target, toHex(target));
  assertEquals((await dht.get(target))?.value, encodeText("9:from them"));

  const ours = await until("our item is stored", async () => {
    const result = await dht.put({ value: encodeText("7:from us") });
    return result.stored.length > 0 ? result : undefined;
  });
  await using getter = libtorrent(
    "--node",
    `${hostname}:${await portOf(putter)}`,
    "get-immutable",
    toHex(ours.target),
  );
  const item = await getter.line("item");
  assert(String(item.text).includes("from us"));
});

interopTest("dht - libtorrent: mutable items, from us to it", [
  "libtorrent",
], async () => {
  await using stayer = libtorrent("stay");
  const port = await portOf(stayer);
  await using dht = await MainlineDht.open({
    hostname,
    bootstrap: [{ hostname, port }],
  });
  const salt = encodeText("salt");
  const secretKey = new Uint8Array(32).fill(5);
  const value = encodeText("6:signed");
  const put = await until("our item is stored", async () => {
    const result = await dht.put({ value, secretKey, salt, seq: 3n });
    return result.stored.length > 0 ? result : undefined;
  });
  const publicKey = put.publicKey!;
  await using getter = libtorrent(
    "--node",
    `${hostname}:${port}`,
    "get-mutable",
    toHex(publicKey),
    "salt",
  );
  const item = await getter.line("item");
  assertEquals(item.seq, 3);
  assert(String(item.text).includes("signed"));
  // It refuses what is older, and gives back what it has.
  const late = await dht.put({ value, secretKey, salt, seq: 2n });
  assert(late.refused.some(({ error }) => error.code === "seq-too-low"));
  assertEquals((await dht.get({ publicKey, salt }))?.seq, 3n);
});

interopTest("dht - transmission: we know each other", [
  "transmission-daemon",
  "transmission-remote",
], async () => {
  await using dir = new TempDir();
  await using dht = await MainlineDht.open({ hostname, bootstrap: [] });
  const [local] = dht.localEndpoints;
  await Deno.writeTextFile(
    dir.join("dht.bootstrap"),
    `${local!.hostname} ${local!.port}\n`,
  );
  const peerPort = freePort();
  await Deno.writeTextFile(
    dir.join("settings.json"),
    JSON.stringify({
      "bind-address-ipv4": hostname,
      "dht-enabled": true,
      "lpd-enabled": false,
      "pex-enabled": true,
      "utp-enabled": false,
      "port-forwarding-enabled": false,
      "peer-port": peerPort,
      "rpc-bind-address": hostname,
      "rpc-port": freePort(),
      "download-dir": dir.path,
    }),
  );
  const events = dht.events();
  await using _daemon = new Child("transmission-daemon", {
    args: ["--foreground", "--config-dir", dir.path],
  });
  // It asks us...
  let asked = "";
  for await (const event of events) {
    if (event.type !== "query") continue;
    asked = formatEndpoint(event.from.address);
    break;
  }
  assertEquals(asked, `${hostname}:${peerPort}`);
  // ... and answers.
  const address = { hostname, port: peerPort };
  const pong = await until(
    "transmission answers",
    () => dht.ping(address).catch(() => undefined),
  );
  assertEquals(pong.node.id.length, 20);
  const result = await until("it stores an announce", async () => {
    const { stored } = await dht.announce(infoHash, { port: 4321 });
    return stored.length > 0 ? stored : undefined;
  });
  assertEquals(result[0]!.address, address);
  const peers = await Array.fromAsync(dht.getPeers(infoHash));
  assertEquals(peers[0]?.address, { hostname, port: 4321 });
});

/**
 * Our DHT against libtorrent's and transmission's, both ways, on loopback.
 */
import { assert, assertEquals } from "@std/assert";
import { formatEndpoint } from "../../_shared/address.ts";
import { encodeText, toHex } from "../../_shared/bytes.ts";
import { immutableItemTarget, MainlineDht } from "../../dht/mod.ts";
import { bipArguments } from "../support/bip_command.ts";
import { NETNS_HOSTS, NetnsPair, netnsProblem } from "../support/netns.ts";
import { fromFileUrl, TempDir } from "../support/paths.ts";
import { Child } from "../support/process.ts";
import { interopTest } from "./programs.ts";

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
  assertEquals(pong.externalAddress, dht.locals[0]);
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
  const node = formatEndpoint(dht.locals[0]!);
  await using announcer = libtorrent(
    "--node",
    node,
    "announce",
    toHex(infoHash),
  );
  const port = await portOf(announcer);
  const peer = await until("libtorrent announces to us", async () => {
    const [first] = await Array.fromAsync(dht.getPeers(infoHash));
    return first?.address;
  });
  assertEquals(peer, { hostname, port });
  await using finder = libtorrent(
    "--node",
    node,
    "get-peers",
    toHex(infoHash),
  );
  const line = await finder.line("peers");
  assertEquals(line.peers, [`${hostname}:${port}`]);
});

interopTest("dht - libtorrent: immutable items, both ways", [
  "libtorrent",
], async () => {
  await using dht = await MainlineDht.open({ hostname, bootstrap: [] });
  const node = formatEndpoint(dht.locals[0]!);
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

/** A key pair as libtorrent takes it: the secret key is the hash of the seed. */
async function libtorrentKeys(
  seed: Uint8Array<ArrayBuffer>,
): Promise<{ secret: string; publicKey: Uint8Array }> {
  const secret = new Uint8Array(await crypto.subtle.digest("SHA-512", seed));
  secret[0]! &= 0xf8;
  secret[31] = secret[31]! & 0x3f | 0x40;
  await using dht = await MainlineDht.open({ hostname, bootstrap: [] });
  const { publicKey } = await dht.put({
    value: encodeText("0:"),
    secretKey: seed,
  });
  return { secret: toHex(secret), publicKey: publicKey! };
}

interopTest("dht - libtorrent: mutable items, from it to us", [
  "libtorrent",
], async () => {
  await using dht = await MainlineDht.open({ hostname, bootstrap: [] });
  const node = formatEndpoint(dht.locals[0]!);
  const secretKey = new Uint8Array(32).fill(6);
  const { secret, publicKey } = await libtorrentKeys(secretKey);
  const words = [secret, toHex(publicKey), "salt", "from them"];
  // It puts again and again, with the next number each time.
  await using putter = libtorrent("--node", node, "put-mutable", ...words);
  await putter.line("put", ({ stored }) => Number(stored) > 0);
  const salt = encodeText("salt");
  const theirs = encodeText("9:from them");
  const first = await dht.get({ publicKey, salt });
  assert(first!.seq! >= 1n);
  assertEquals(first!.value, theirs);
  assertEquals(await dht.get({ publicKey }), undefined, "it has a salt");
  // We replace it; it sees our number and goes on from there.
  const value = encodeText("7:from us");
  const seq = first!.seq! + 1000n;
  await dht.put({ value, secretKey, salt, seq });
  const next = await until("it goes on from our number", async () => {
    const item = await dht.get({ publicKey, salt });
    return item!.seq! > seq ? item : undefined;
  });
  assertEquals(next.value, theirs);
});

// transmission takes no loopback address for a node's: two hosts are needed.
const problem = await netnsProblem();

/** `bip dht` on the first host. */
function bipOnFirst(pair: NetnsPair, ...args: string[]): Child {
  const { command, args: all } = pair.command(
    0,
    Deno.execPath(),
    bipArguments(["dht", ...args], {
      permissions: ["--allow-net", "--allow-read", "--allow-write"],
      flags: ["--unstable-net"],
    }),
  );
  return new Child(command, { args: all, env: { NO_COLOR: "1" } });
}

interopTest(
  `dht - transmission: we know each other${
    problem === undefined ? "" : ` (skipped: ${problem})`
  }`,
  ["transmission-daemon"],
  async () => {
    if (problem !== undefined) return;
    await using pair = await NetnsPair.open();
    const [ours, theirs] = [NETNS_HOSTS[0].v4, NETNS_HOSTS[1].v4];
    await using dir = new TempDir();
    await Deno.writeTextFile(dir.join("dht.bootstrap"), `${ours} 6881\n`);
    await Deno.writeTextFile(
      dir.join("settings.json"),
      JSON.stringify({
        "bind-address-ipv4": theirs,
        "dht-enabled": true,
        "lpd-enabled": false,
        "utp-enabled": false,
        "port-forwarding-enabled": false,
        "peer-port": 51413,
        "rpc-enabled": false,
        "download-dir": dir.path,
      }),
    );
    await using node = bipOnFirst(
      pair,
      ...["node", "--listen", ours, "--port", "6881", "--json"],
      ...["--bootstrap", `${theirs}:51413`],
    );
    await node.line("listening");
    const { command, args } = pair.command(1, "transmission-daemon", [
      "--foreground",
      "--config-dir",
      dir.path,
    ]);
    await using _daemon = new Child(command, { args });
    // They found each other, and it stores and gives what others announce.
    await node.line("bootstrapped");
    const address = `${theirs}:51413`;
    const ask = async (...words: string[]) => {
      await using child = bipOnFirst(
        pair,
        ...words,
        "--json",
        ...["--bootstrap", address, "--listen", ours],
      );
      const { code, lines } = await child.result;
      const text = lines.map((line) => String(line.text ?? "")).join("\n");
      return code === 0 ? JSON.parse(text) : undefined;
    };
    const pong = await until("it answers", () => ask("ping", address));
    assertEquals([pong.address, pong.id.length], [address, 40]);
    const hash = toHex(infoHash);
    await until("it stores an announce", async () => {
      const result = await ask("announce", hash, "4321");
      return result?.stored.includes(address) ? result : undefined;
    });
    const { peers } = await until("it is found", () => ask("get-peers", hash));
    assertEquals(peers, [`${ours}:4321`]);
  },
);

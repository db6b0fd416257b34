// Real multicast, in network namespaces made for each test.
import { assert, assertEquals } from "@std/assert";
import {
  NETNS_HOSTS,
  NETNS_INTERFACE,
  NetnsPair,
  netnsProblem,
} from "../support/netns.ts";
import { fromFileUrl, TempDir } from "../support/paths.ts";
import { Child } from "../support/process.ts";

const problem = await netnsProblem();
const hash = "ab".repeat(20);
const other = "cd".repeat(20);
const [ONE, TWO] = NETNS_HOSTS;

async function present(command: string, args: string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, {
      args,
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}
const python = "/usr/bin/python3";
const noLibtorrent = await present(python, ["-c", "import libtorrent"])
  ? undefined
  : "needs apt install python3-libtorrent";
const noTransmission = await present("transmission-daemon", ["--version"])
  ? undefined
  : "needs apt install transmission-daemon";

function test(
  name: string,
  missing: string | undefined,
  fn: () => Promise<void>,
): void {
  const reason = problem ?? missing;
  Deno.test({
    name: reason === undefined ? name : `${name} (skipped: ${reason})`,
    ignore: reason !== undefined,
    timeout: 90_000,
    fn,
  });
}

function startOurs(
  pair: NetnsPair,
  host: 0 | 1,
  args: string[],
  sys = true,
): Child {
  // Nothing can be downloaded inside the namespace.
  const map = Deno.env.get("BIP_IMPORT_MAP") ?? fromFileUrl(
    new URL("../../_tools/import_map.offline.json", import.meta.url),
  );
  const script = new URL("../support/lpd_child.ts", import.meta.url);
  const { command, args: all } = pair.command(host, Deno.execPath(), [
    "run",
    "--quiet",
    "--no-prompt",
    "--no-check",
    `--import-map=${map}`,
    "--allow-net",
    ...(sys ? ["--allow-sys=networkInterfaces"] : []),
    fromFileUrl(script),
    ...args,
  ]);
  return new Child(command, { args: all });
}

test("two of ours find each other by IPv4 and IPv6", undefined, async () => {
  await using pair = await NetnsPair.open();
  await using one = startOurs(pair, 0, [hash, "7001"]);
  const { interfaces } = await one.line("listening");
  assertEquals(interfaces, [
    `${NETNS_INTERFACE}/${ONE.v4}`,
    `${NETNS_INTERFACE}/::%${NETNS_INTERFACE}`,
  ]);
  await using two = startOurs(pair, 1, [hash, "7002"]);
  const at = (host: string) => (line: Record<string, unknown>) =>
    line.hostname === host;
  for (const ip of [TWO.v4, TWO.v6]) {
    const peer = await one.line("peer", at(ip));
    assertEquals([peer.port, peer.source], [7002, "lpd"]);
  }
  for (const ip of [ONE.v4, ONE.v6]) {
    assertEquals((await two.line("peer", at(ip))).port, 7001);
  }
  // Own announces come back by multicast loopback and are known by cookie.
  const stats = await one.line("stats");
  assert((stats.dropped as { own: number }).own > 0);
  assertEquals(stats.sendErrors, 0);
});

test("one family alone, and other hashes stay silent", undefined, async () => {
  await using pair = await NetnsPair.open();
  await using watcher = startOurs(pair, 0, [hash, "0", "4"]);
  await watcher.line("listening");
  await using stranger = startOurs(pair, 1, [other, "7003"]);
  await using two = startOurs(pair, 1, [hash, "7002"]);
  assertEquals((await watcher.line("peer")).hostname, TWO.v4);
  await stranger.line("stats");
  await two.line("stats");
  const { sent, received } = await watcher.line("stats");
  assertEquals(sent, 0);
  assert(received as number > 0);
  const peers = watcher.lines.filter((line) => line.type === "peer");
  assertEquals(peers.map((line) => line.port), [7002]);
});

test(
  "it works without the permission to list interfaces",
  undefined,
  async () => {
    await using pair = await NetnsPair.open();
    await using one = startOurs(pair, 0, [hash, "7001"], false);
    const { interfaces } = await one.line("listening");
    assert((interfaces as string[]).includes("default/4"), `${interfaces}`);
    await using two = startOurs(pair, 1, [hash, "7002"], false);
    assertEquals((await one.line("peer")).port, 7002);
    assertEquals((await two.line("peer")).port, 7001);
  },
);

test("libtorrent and we find each other", noLibtorrent, async () => {
  await using pair = await NetnsPair.open();
  await using folder = new TempDir();
  const script = fromFileUrl(
    new URL("../support/lt_lsd.py", import.meta.url),
  );
  await using ours = startOurs(pair, 0, [hash, "7001"]);
  await ours.line("listening");
  const interfaces = `${TWO.v4}:7002,[${TWO.v6}]:7002`;
  const { command, args } = pair.command(1, python, [
    script,
    hash,
    interfaces,
    folder.path,
  ]);
  await using theirs = new Child(command, { args });
  const found = await ours.line("peer");
  assert(([TWO.v4, TWO.v6] as unknown[]).includes(found.hostname));
  assertEquals(found.port, 7002);
  // Theirs may have started after our first announces.
  await using again = startOurs(pair, 0, [hash, "7005"]);
  await again.line("listening");
  const heard = await theirs.line("peer", (line) => line.port === 7005);
  assert(([ONE.v4, ONE.v6] as unknown[]).includes(heard.hostname));
});

test("transmission and we find each other", noTransmission, async () => {
  await using pair = await NetnsPair.open();
  await using folder = new TempDir();
  await using ours = startOurs(pair, 0, [hash, "7001"]);
  await ours.line("listening");
  await Deno.writeTextFile(
    folder.join("settings.json"),
    JSON.stringify({
      "lpd-enabled": true,
      "dht-enabled": false,
      "pex-enabled": false,
      "utp-enabled": false,
      "port-forwarding-enabled": false,
      "peer-port": 7002,
      "rpc-port": 9091,
      "rpc-bind-address": "127.0.0.1",
      "rpc-host-whitelist-enabled": false,
      "download-dir": folder.path,
    }),
  );
  const daemon = pair.command(1, "transmission-daemon", [
    "--foreground",
    "--config-dir",
    folder.path,
  ]);
  await using transmission = new Child(daemon.command, { args: daemon.args });
  const remote = pair.command(1, "transmission-remote", [
    "127.0.0.1:9091",
    "--add",
    `magnet:?xt=urn:btih:${hash}`,
  ]);
  for (let i = 0; !await present(remote.command, remote.args); i++) {
    assert(i < 50, transmission.stderr);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const found = await ours.line("peer");
  assertEquals([found.hostname, found.port], [TWO.v4, 7002]);
  await using again = startOurs(pair, 0, [hash, "7005"]);
  assertEquals((await again.line("dialled")).hostname, TWO.v4);
});

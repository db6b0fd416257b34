import { assertEquals, assertThrows } from "@std/assert";
import { parseVerbArguments } from "../../../cli/arguments.ts";
import { daemonVerb } from "../../../cli/daemon/daemon.ts";
import {
  absolute,
  overridesOf,
  rpcAddressOf,
  sessionPlan,
} from "../../../cli/daemon/daemon_plan.ts";
import { UsageError } from "../../../cli/error.ts";
import { planNetwork } from "../../../cli/transfer/transfer.ts";
import { sessionOptions } from "../../../daemon/rules/session_options.ts";
import { DEFAULT_SETTINGS } from "../../../daemon/settings.ts";

const none = { permissions: "none" } as const;
const parse = (text: string) =>
  parseVerbArguments(text === "" ? [] : text.split(" "), daemonVerb);
const overrides = async (text: string) =>
  overridesOf(parse(text), await planNetwork(parse(text)));

Deno.test("only options that are given override settings", none, async () => {
  assertEquals(await overrides(""), {});
  assertEquals(
    await overrides(
      "--dir /d --port 7 --max-peers 9 --down-limit 2K --up-limit 0 --no-dht --no-lpd --no-port-map --no-pex --utp off --encryption require --tracker udp://t:1 --blocklist /l --watch /w --watch /x --incomplete-dir /i --incomplete-suffix .part --set seedRatio=3 --set port=8",
    ),
    {
      downloadDir: "/d",
      incompleteDir: "/i",
      useIncompleteDir: true,
      incompleteSuffix: ".part",
      seedRatio: { enabled: true, value: 3 },
      port: 7,
      maxPeers: 9,
      maxPeersPerTorrent: 9,
      downloadLimit: { enabled: true, value: 2048 },
      uploadLimit: { enabled: false, value: 1 },
      dht: false,
      lpd: false,
      portMap: false,
      pex: false,
      utp: "off",
      encryption: "require",
      defaultTrackers: ["udp://t:1"],
      blocklist: { enabled: true, sources: ["/l"] },
      watch: [{ enabled: true, dir: "/w", addedDir: "" }, {
        enabled: true,
        dir: "/x",
        addedDir: "",
      }],
    },
  );
});

Deno.test(
  "a session does what settings say, as far as options and privacy allow",
  none,
  async () => {
    const planned = async (text: string, changes = {}) => {
      const settings = { ...DEFAULT_SETTINGS, ...changes };
      return sessionPlan(
        await planNetwork(parse(text)),
        sessionOptions(settings, new Uint8Array([1])),
        settings,
      );
    };
    const usual = await planned("");
    assertEquals(usual.options.dht, { state: new Uint8Array([1]) });
    assertEquals([usual.options.lpd, usual.options.portMap, usual.ports], [
      {},
      {},
      [6881, 0],
    ]);
    assertEquals((await planned("", { port: 70 })).ports, [70, 0]);
    assertEquals((await planned("", { port: 0 })).ports, [0]);
    assertEquals((await planned("--port 70", { port: 70 })).ports, [70]);
    const loopback = await planned("--listen 127.0.0.1");
    assertEquals([
      loopback.options.dht,
      loopback.options.lpd,
      loopback.options.portMap,
    ], [false, false, false]);
    const off = await planned("", {
      dht: false,
      lpd: false,
      portMap: false,
      maxPeers: 8,
    });
    assertEquals([
      off.options.dht,
      off.options.lpd,
      off.options.portMap,
      off.options.maxPeers,
    ], [false, false, false, 8]);
    assertEquals((await planned("--dht-node 127.0.0.1:5")).options.dht, {
      state: new Uint8Array([1]),
      bootstrap: [{ hostname: "127.0.0.1", port: 5 }],
    });
    assertEquals((await planned("--blocklist /l")).blocklists, []);
  },
);

Deno.test("what makes no sense is told of", none, () => {
  assertEquals(rpcAddressOf(parse("")), { hostname: "127.0.0.1", port: 9091 });
  assertEquals(rpcAddressOf(parse("--rpc-listen [::1] --rpc-port 0")), {
    hostname: "::1",
    port: 0,
  });
  assertThrows(() => rpcAddressOf(parse("--rpc-listen here")), UsageError);
  assertThrows(() => rpcAddressOf(parse("--rpc-port 70000")), UsageError);
});

Deno.test("names are made absolute", { permissions: "inherit" }, () => {
  assertEquals(absolute("/a"), "/a");
  assertEquals(absolute("a"), `${Deno.cwd()}/a`);
});

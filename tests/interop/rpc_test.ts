/** Programs made for Transmission steer ours as they steer the original. */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "../support/paths.ts";
import { interopTest, TOOLS, TRANSMISSIONS, VENV_PYTHON } from "./programs.ts";
import { callLegacy, type Remote, RpcScene, run, until } from "./rpc_scene.ts";

type Json = Record<string, unknown>;

const peer = (name: string) =>
  fromFileUrl(new URL(`./peers/${name}`, import.meta.url));

/**
 * Fields whose values are of each program's own, and the ratio, which is of what is
 * wanted since version 4.
 */
const OWN = new Set(
  `activityDate addedDate doneDate downloadDir downloadLimit editDate magnetLink
  manualAnnounceTime maxConnectedPeers peer-limit secondsDownloading
  secondsSeeding startDate torrentFile trackerStats uploadRatio`.split(/\s+/),
);

/** What kind of thing a value is, however deep. */
function kindOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [kindOf(value[0])];
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, kindOf(part)]),
  );
}

/** Leaves out what came after version 16. */
function known(value: unknown, model: unknown): unknown {
  if (Array.isArray(value)) {
    const [first] = Array.isArray(model) ? model : [];
    return value.map((part) => known(part, first));
  }
  if (typeof value !== "object" || value === null) return value;
  const names = Object.keys((model ?? value) as Json);
  return Object.fromEntries(
    names.map((name) => [
      name,
      known((value as Json)[name], (model as Json | undefined)?.[name]),
    ]),
  );
}

/** Adds a complete torrent, one that lacks everything, and a link. */
async function fill(scene: RpcScene, remote: Remote): Promise<Json[]> {
  const metainfo = (await Deno.readFile(scene.torrent)).toBase64();
  const magnet = `magnet:?xt=urn:btih:${"ab".repeat(20)}&dn=linked`;
  await callLegacy(remote, "torrent-add", { metainfo, paused: true });
  await callLegacy(remote, "torrent-add", {
    filename: scene.url,
    paused: true,
  });
  await callLegacy(remote, "torrent-add", { filename: magnet, paused: true });
  await callLegacy(remote, "torrent-verify", { ids: [1] });
  return await until(
    remote,
    (all) =>
      all.length === 3 && all[2]!.percentDone === 1 && all[2]!.status === 0,
  );
}

interopTest("rpc - every field as Transmission tells it, stopped and seeding", [
  "transmission-daemon",
  "transmission-remote",
], async () => {
  await using scene = await RpcScene.open();
  const [ours, theirs] = await Promise.all(
    scene.remotes.map((remote) => fill(scene, remote)),
  );
  const compare = (ours: Json[], theirs: Json[]) => {
    assertEquals(ours.length, theirs.length);
    theirs.forEach((model, i) => {
      const mine = known(ours[i], model) as Json;
      assertEquals(kindOf(mine), kindOf(model), String(model.name));
      for (const [name, value] of Object.entries(model)) {
        if (OWN.has(name)) continue;
        assertEquals(mine[name], value, `${name} of ${model.name}`);
      }
    });
  };
  compare(ours!, theirs!);
  const seeding = await Promise.all(scene.remotes.map(async (remote) => {
    await callLegacy(remote, "torrent-start", { ids: [1] });
    return await until(remote, (all) => all[2]!.status === 6);
  }));
  compare(seeding[0]!, seeding[1]!);
});

interopTest("rpc - session, figures and mistakes as Transmission tells them", [
  "transmission-daemon",
  "transmission-remote",
], async () => {
  await using scene = await RpcScene.open();
  const [ours, theirs] = scene.remotes as [Remote, Remote];
  const both = async (method: string, given?: (remote: Remote) => Json) =>
    await Promise.all(
      [ours, theirs].map((remote) =>
        callLegacy(remote, method, given?.(remote))
      ),
    );
  for (const method of ["session-get", "session-stats"]) {
    const [mine, model] = await both(method);
    assertEquals(mine!.result, model!.result);
    assertEquals(
      kindOf(known(mine!.arguments, model!.arguments)),
      kindOf(model!.arguments),
    );
  }
  const free = await both("free-space", ({ dir }) => ({ path: dir }));
  assertEquals(kindOf(known(free[0], free[1])), kindOf(free[1]));
  const changes: Json = {
    "alt-speed-down": 9,
    "alt-speed-enabled": true,
    "alt-speed-time-begin": 61,
    "alt-speed-time-day": 3,
    "alt-speed-time-end": 62,
    "alt-speed-up": 8,
    "download-queue-enabled": false,
    "download-queue-size": 4,
    encryption: "tolerated",
    "idle-seeding-limit": 5,
    "idle-seeding-limit-enabled": true,
    "peer-limit-global": 111,
    "peer-limit-per-torrent": 22,
    "queue-stalled-enabled": false,
    "queue-stalled-minutes": 33,
    "seed-queue-enabled": true,
    "seed-queue-size": 6,
    seedRatioLimit: 1.5,
    seedRatioLimited: true,
    "speed-limit-down": 77,
    "speed-limit-down-enabled": true,
    "speed-limit-up": 66,
    "speed-limit-up-enabled": true,
    "start-added-torrents": false,
  };
  await both("session-set", () => changes);
  for (const { arguments: settings } of await both("session-get")) {
    for (const [name, value] of Object.entries(changes)) {
      assertEquals(settings[name], value, name);
    }
  }
  // The same calls fail, whatever each says about it.
  const metainfo = (await Deno.readFile(scene.torrent)).toBase64();
  await both("torrent-add", () => ({ metainfo, paused: true }));
  const calls: [string, Json][] = [
    ["torrent-add", { metainfo }],
    ["torrent-add", {}],
    ["torrent-add", { metainfo: "AAAA" }],
    ["torrent-add", { filename: "/nowhere.torrent" }],
    ["torrent-get", { fields: ["id", "name"], ids: [99] }],
    ["torrent-get", { fields: ["id", "name"], ids: "ff".repeat(20) }],
    ["torrent-get", { fields: ["id", "name"], format: "table" }],
    ["torrent-set", { ids: [1], "files-wanted": [77] }],
    ["torrent-set", { ids: [99], "files-wanted": [77] }],
    ["torrent-set", { ids: [1], trackerRemove: [77] }],
    ["torrent-set-location", { ids: [1], location: "relative" }],
    ["torrent-set-location", { ids: [1] }],
    ["torrent-rename-path", { ids: [1], path: "nix", name: "x" }],
    ["torrent-rename-path", { ids: [99], path: "nix", name: "x" }],
    ["free-space", { path: "relative" }],
    ["free-space", {}],
    ["nonsense", {}],
  ];
  for (const [method, given] of calls) {
    const [mine, model] = await both(method, () => given);
    const what = `${method} ${JSON.stringify(given)}: ${mine!.result}`;
    assertEquals(mine!.result === "success", model!.result === "success", what);
    if (model!.result !== "success") continue;
    assertEquals(mine!.arguments, model!.arguments, what);
  }
});

/** Runs a flow against both; gives what it tells of each. */
async function flow(
  scene: RpcScene,
  start: (remote: Remote) => [string, ...string[]],
): Promise<void> {
  const [ours, theirs] = await Promise.all(
    scene.remotes.map(async (remote) => {
      const lines = await run(...start(remote));
      return lines.map((line) => JSON.parse(line));
    }),
  );
  assert(theirs!.length > 8);
  assertEquals(ours, theirs);
}

for (const release of TRANSMISSIONS) {
  const { name, programs } = release;
  interopTest(`rpc - transmission-rpc (Python) sees no difference, ${name}`, [
    ...programs,
    "transmission-rpc",
  ], async () => {
    await using scene = await RpcScene.open(release);
    await flow(scene, ({ port, otherDir }) => [
      VENV_PYTHON,
      peer("transmission_rpc_flow.py"),
      `${port}`,
      scene.torrent,
      scene.url,
      otherDir,
    ]);
  });

  interopTest(`rpc - @ctrl/transmission (npm) sees no difference, ${name}`, [
    ...programs,
    "@ctrl/transmission",
  ], async () => {
    await using scene = await RpcScene.open(release);
    const module =
      `${TOOLS}/ctrl/node_modules/@ctrl/transmission/dist/src/index.js`;
    await flow(scene, ({ port, dir, otherDir }) => [
      "node",
      peer("ctrl_transmission_flow.mjs"),
      module,
      `${port}`,
      scene.torrent,
      scene.url,
      dir,
      otherDir,
    ]);
  });
}

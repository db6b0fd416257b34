// Drives a daemon with @ctrl/transmission; prints a JSON object a step.
// Usage: node ctrl_transmission_flow.mjs MODULE PORT TORRENT URL DIR OTHER_DIR
import { readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

const [module, port, torrent, url, dir, otherDir] = process.argv.slice(2);
const { Transmission } = await import(module);
const client = new Transmission({ baseUrl: `http://127.0.0.1:${port}/` });
const tell = (type, values) => console.log(JSON.stringify({ type, ...values }));

async function until(check) {
  for (let i = 0; i < 200; i++) {
    const found = await client.getTorrent(hash);
    if (check(found)) return found;
    await sleep(50);
  }
  throw new Error("nothing happens");
}

const added = await client.addTorrent(
  readFileSync(torrent).toString("base64"),
  {
    "download-dir": dir,
    paused: true,
  },
);
const { hashString: hash, name, id } = added.arguments["torrent-added"];
tell("added", { result: added.result, hash, name, id });
await client.verifyTorrent(hash);
await until((one) => one.progress === 1 && one.state === "paused");
await client.resumeTorrent(hash);
const seeding = await until((one) => one.state === "seeding");
const { state, progress, isCompleted, totalSize, totalSelected, savePath } =
  seeding;
tell("seeding", { state, progress, isCompleted, totalSize, totalSelected });
tell("place", { right: savePath === dir });
await client.pauseTorrent(hash);
await until((one) => one.state === "paused");
await client.setTorrent(hash, {
  "files-unwanted": [0],
  "priority-high": [1],
  downloadLimit: 55,
  downloadLimited: true,
  labels: ["one"],
});
const { arguments: { torrents } } = await client.listTorrents(hash, [
  "wanted",
  "priorities",
  "downloadLimit",
  "downloadLimited",
  "files",
]);
const { wanted, priorities, downloadLimit, downloadLimited, labels } =
  torrents[0];
tell("set", { wanted, priorities, downloadLimit, downloadLimited, labels });
const magnet = `magnet:?xt=urn:btih:${"ab".repeat(20)}&dn=linked`;
const linked = await client.addMagnet(magnet, {
  "download-dir": dir,
  paused: true,
});
const fetched = await client.addUrl(url, { "download-dir": dir, paused: true });
tell("more", {
  linked: linked.arguments["torrent-added"].name,
  fetched: fetched.arguments["torrent-added"].name,
});
const order = async () => {
  const { arguments: { torrents } } = await client.listTorrents();
  return torrents.toSorted((a, b) => a.queuePosition - b.queuePosition)
    .map(({ name }) => name);
};
await client.queueTop(linked.arguments["torrent-added"].hashString);
tell("queue", { order: await order() });
await client.queueBottom(linked.arguments["torrent-added"].hashString);
tell("queue", { order: await order() });
await client.moveTorrent(hash, otherDir);
await until(({ savePath }) => savePath === otherDir);
const renamed = await client.renamePath(hash, {
  path: "payload/a.txt",
  name: "z.txt",
});
tell("renamed", { result: renamed.result, path: renamed.arguments.path });
await client.setSession({
  "speed-limit-up": 77,
  "speed-limit-up-enabled": true,
});
const session = (await client.getSession()).arguments;
tell("session", {
  up: session["speed-limit-up"],
  enabled: session["speed-limit-up-enabled"],
});
const free = await client.freeSpace(otherDir);
tell("free", { result: free.result, some: free.arguments["size-bytes"] > 0 });
const { labels: all, torrents: listed } = await client.getAllData();
tell("all", {
  labels: all.map(({ name, count }) => [name, count]),
  names: listed.map(({ name }) => name).sort(),
});
await client.reannounceTorrent(hash);
for (
  const one of await client.listTorrents().then((r) => r.arguments.torrents)
) {
  await client.removeTorrent(one.hashString, one.hashString === hash);
}
const left = (await client.listTorrents()).arguments.torrents;
tell("removed", { left: left.length });

// A node of npm's bittorrent-dht for dht_bench.ts.
//   node bittorrent_dht.cjs FOLDER_WITH_NODE_MODULES PORT CROWD_PORT COUNT
// Gets to know the crowd of dht_load.c, then prints "up" and its node count.
"use strict";
const { createRequire } = require("node:module");
const { join } = require("node:path");
const [folder, port, crowdPort, count] = process.argv.slice(2);

async function load() {
  const own = createRequire(join(folder, "package.json"));
  try {
    return own("bittorrent-dht").Client;
  } catch {
    return (await import(own.resolve("bittorrent-dht"))).Client;
  }
}

load().then((Client) => {
  const dht = new Client({ bootstrap: false, verify: undefined });
  dht.listen(Number(port), "127.0.0.1", async () => {
    for (let i = 0; i < Number(count); i++) {
      const host = `127.${64 + Math.floor(i / 250)}.${1 + i % 250}.1`;
      dht.addNode({ host, port: Number(crowdPort) });
      if (i % 25 === 24) await new Promise((done) => setTimeout(done, 20));
    }
    await new Promise((done) => setTimeout(done, 500));
    console.log(`up ${dht.toJSON().nodes.length}`);
  });
});

// Runs npm's bittorrent-tracker: node npm_tracker.mjs FOLDER PORT
import { pathToFileURL } from "node:url";

const [folder, port] = process.argv.slice(2);
const { Server } = await import(
  pathToFileURL(`${folder}/node_modules/bittorrent-tracker/index.js`).href
);
const server = new Server({ udp: true, http: false, ws: false, stats: false });
server.on("error", (error) => console.error(error.message));
server.on("warning", () => {});
server.on("listening", () => console.log("listening"));
server.listen(Number(port), "127.0.0.1");

// WebTorrent with the settings it comes with, without WebRTC, whose binary is
// not there: node webtorrent_leech.mjs FOLDER_OF_NODE_MODULES TORRENT DIR
import { createRequire, register } from "node:module";
import { pathToFileURL } from "node:url";

const code = (text) => `data:text/javascript,${encodeURIComponent(text)}`;
const names = ["RTCPeerConnection", "RTCSessionDescription", "RTCIceCandidate"];
const none = code(names.map((name) => `export class ${name} {}`).join("\n"));
register(code(`export const resolve = (name, context, next) =>
  name === "webrtc-polyfill"
    ? { url: ${JSON.stringify(none)}, shortCircuit: true }
    : next(name, context);`));

const [folder, torrent, path] = process.argv.slice(2);
const entry = createRequire(`${folder}/`).resolve("webtorrent");
const { default: WebTorrent } = await import(pathToFileURL(entry).href);
const client = new WebTorrent();
client.on("error", (error) => {
  console.error(error);
  process.exit(1);
});
client.add(torrent, { path }, (added) => {
  added.on("done", () => console.log(JSON.stringify({ type: "complete" })));
});

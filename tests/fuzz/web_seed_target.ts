import { encodeText, toByteString } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";
import { PieceLayout } from "../../metainfo/piece_layout.ts";
import {
  parseContentRange,
  parseRetryAfter,
  parseWebSeedUrl,
  webSeedFileUrl,
  WebSeedMachine,
  type WebSeedTorrent,
} from "../../webseed/mod.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const FILES = [40_000, 10, 100_000].map((length, i) => ({
  length,
  pad: false,
  path: [`f${i}`],
}));
const TORRENT: WebSeedTorrent = {
  name: "t",
  isSingleFile: false,
  files: FILES as unknown as WebSeedTorrent["files"],
  layout: new PieceLayout({ pieceLength: 32_768, files: FILES }),
};

/** Runs a machine through answers; a line each: status, then headers. */
function talk(lines: readonly string[], seed: number): void {
  const { layout } = TORRENT;
  const machine = new WebSeedMachine({
    url: new URL("http://u:p@seed.example/"),
    torrent: TORRENT,
    random: seededRandom(seed),
  });
  let now = 0;
  let asked = 0;
  let requests = 0;
  const drain = () => {
    let output;
    while ((output = machine.poll()) !== undefined) {
      if (output.type === "request") {
        requests++;
        const { origin, protocol } = new URL(output.url);
        if (!/^https?:$/.test(protocol)) throw new Error("Broken promise: URL");
        const isOwn = origin === "http://seed.example";
        if (!isOwn && output.headers.authorization !== undefined) {
          throw new Error("Broken promise: credentials");
        }
      } else if (output.type === "block") {
        const { pieceIndex, blockOffset, data } = output;
        const size = layout.blockSize(pieceIndex, blockOffset / 16_384);
        if (data.length !== size) throw new Error("Broken promise: block");
      }
    }
  };
  for (const line of lines.slice(0, 64)) {
    if (machine.active === 0) {
      const blocks = Array.from(
        { length: layout.pieceCount },
        (_, piece) => layout.block(piece, 0),
      );
      machine.handle({ type: "want", blocks }, now);
      asked++;
      drain();
    }
    const [status = "", ...pairs] = line.split("|");
    const headers = new Map(pairs.map((pair) => {
      const at = pair.indexOf(":");
      return [pair.slice(0, at).toLowerCase(), pair.slice(at + 1)];
    }));
    const get = (name: string) => headers.get(name) ?? null;
    const code = Number(status);
    machine.handle(
      { type: "answer", id: asked, status: code, headers: { get } },
      now,
    );
    drain();
    const data = new Uint8Array(line.length * 400);
    machine.handle({ type: "bytes", id: asked, data }, now);
    drain();
    if (code % 2 === 0) machine.handle({ type: "ended", id: asked }, now);
    drain();
    now += 40_000;
    machine.handleTimeout(now);
    drain();
  }
  if (requests > 6 * 64 + 64) throw new Error("Broken promise: requests");
}

/** Answers of web seeds: statuses, headers, bodies of any length; their URLs. */
export const fuzzTarget: FuzzTarget = {
  name: "web_seed",
  seeds: () =>
    [
      "206|content-range:bytes 0-16383/40000|content-length:16384\n200|content-length:40000",
      "302|location:/x\n301|location:https://b.example/\n307|location://c.example:8000/a b",
      "503|retry-after:120\n429|retry-after:Sun, 06 Nov 1994 08:49:37 GMT|date:Sun, 06 Nov 1994 08:49:30 GMT",
      "404\n410\n200|content-encoding:gzip\n416|content-range:bytes */10",
      "http://user:pass@host.example:8080/dir/?a=b#c",
      "bytes 0-499/*",
    ].map(encodeText),
  run(input) {
    const text = toByteString(input);
    const url = parseWebSeedUrl(text);
    if (url !== undefined) {
      const file = webSeedFileUrl(url, TORRENT, 1);
      if (!/^https?:\/\/[^@/]+\//.test(file)) {
        throw new Error(`Broken promise: file URL ${file}`);
      }
    }
    const range = parseContentRange(text);
    if (range !== undefined && !(range.start < range.end)) {
      throw new Error("Broken promise: range");
    }
    const after = parseRetryAfter({ get: () => text });
    if (after !== undefined && !(after >= 0)) {
      throw new Error("Broken promise: wait");
    }
    talk(text.split("\n"), input.length);
  },
};

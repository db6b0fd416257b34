/** Torrents in a bucket of a real object store. */
import { assert, assertEquals } from "@std/assert";
import { testPieceStorage } from "../../testing/compliance/piece_storage.ts";
import { createMetainfo } from "../../metainfo/mod.ts";
import { runBip, startBip } from "../support/bip.ts";
import { TempDir } from "../support/paths.ts";
import { ALONE, downloadArgs } from "../support/transfer.ts";
import { type Fault, FaultyProxy } from "./faulty_proxy.ts";
import { hasProgram, interopTest, startLibtorrent } from "./programs.ts";
import { Versitygw } from "./versitygw.ts";

/** A hand run kills the command so many times. */
const KILLS = Number(Deno.env.get("BIP_S3_KILLS") ?? 4);

const MIB = 1 << 20;
const PERMISSIONS = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
];

if (hasProgram("versitygw")) {
  testPieceStorage({
    name: "versitygw",
    permissions: "inherit",
    async make() {
      const server = await Versitygw.start();
      return {
        open: () => server.storage({ prefix: "a b/ü+%" }),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  });
}

/** A folder with a torrent of random files. */
class Payload implements AsyncDisposable {
  readonly temp = new TempDir();
  readonly torrent: string = this.temp.join("t.torrent");
  readonly files: ReadonlyMap<string, number>;

  constructor(files: Record<string, number>) {
    this.files = new Map(Object.entries(files));
  }

  async make(pieceLength: number): Promise<this> {
    for (const [name, length] of this.files) {
      const path = this.temp.join("seed/load", name);
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), {
        recursive: true,
      });
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += 65536) {
        crypto.getRandomValues(bytes.subarray(at, at + 65536));
      }
      await Deno.writeFile(path, bytes);
    }
    const inputs = [{ path: this.temp.join("seed/load") }];
    await Deno.writeFile(
      this.torrent,
      await createMetainfo({ inputs, pieceLength }),
    );
    return this;
  }

  seeder() {
    return startLibtorrent(
      "seed",
      this.torrent,
      this.temp.join("seed"),
      "--seconds",
      "200",
    );
  }

  /** Asserts that a folder has all files, and no more. */
  async assertIn(folder: string, keys: string[], prefix = ""): Promise<void> {
    const names = [...this.files.keys()].map((name) => `${prefix}load/${name}`);
    assertEquals(keys, names.sort());
    for (const [name, length] of this.files) {
      const [there, right] = await Promise.all([
        Deno.readFile(`${folder}/${prefix}load/${name}`),
        Deno.readFile(this.temp.join("seed/load", name)),
      ]);
      assertEquals(there.length, length);
      assert(there.every((byte, i) => byte === right[i]), name);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.temp[Symbol.asyncDispose]();
  }
}

const download = (
  payload: Payload,
  port: unknown,
  place = "s3://bucket/a%20b/c+d",
) => downloadArgs(payload.torrent, place, port, "--json");

interopTest(
  `bip killed ${KILLS} times at random sends no piece twice, and goes on to the end`,
  ["versitygw", "libtorrent"],
  async () => {
    await using server = await Versitygw.start();
    await using payload = await new Payload({
      "one": 40 * MIB + 5,
      "two": 9 * MIB,
      "small": 10,
      "empty": 0,
    }).make(MIB);
    await using seeder = payload.seeder();
    const { port } = await seeder.line("listening");
    await using proxy = new FaultyProxy(server.port, () => undefined);
    const env = { ...server.env, AWS_ENDPOINT_URL: proxy.endpoint };
    const options = { permissions: PERMISSIONS, env };
    for (let i = 0; i < KILLS; i++) {
      await using bip = startBip(download(payload, port), options);
      const before = proxy.requests.length;
      // Some requests later, and somewhere in the middle of one.
      await proxy.until(before + 6 + Math.floor(Math.random() * 24 / KILLS));
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
      Deno.kill(bip.pid, "SIGKILL");
      await bip.result;
    }
    const last = await runBip(download(payload, port), options);
    assertEquals(last.code, 0, last.stderr);
    await payload.assertIn(server.folder, server.keys(), "a%20b/c+d/");
    // What was answered when it was killed is not sent again, in runs or alone.
    const sent = proxy.requests.filter(({ method, done, path }) =>
      method === "PUT" && done && /\.bip\/\w+\/[\d-]+$/.test(path)
    ).flatMap(({ path }) => {
      const name = path.slice(path.lastIndexOf("/") + 1);
      const [first, last = first] = name.split("-").map(Number);
      return Array.from({ length: last! - first! + 1 }, (_, i) => first! + i);
    });
    assertEquals(sent.filter((i, at) => sent.indexOf(i) !== at), []);
    assertEquals(new Set(sent).size, 50);
    const verified = await runBip(
      ["verify", payload.torrent, "s3://bucket/a%20b/c+d", "--quiet"],
      { permissions: PERMISSIONS, env: server.env },
    );
    assertEquals(verified.code, 0, verified.stderr);
  },
);

interopTest(
  "a server that fails in every way in turn loses nothing",
  ["versitygw", "libtorrent"],
  async () => {
    await using server = await Versitygw.start();
    await using payload = await new Payload({
      "one": 60 * MIB,
      'a<b>&"c" ü?#%41': 6 * MIB,
    }).make(MIB);
    await using seeder = payload.seeder();
    const { port } = await seeder.line("listening");
    const faults: Fault[] = [
      "slow-down",
      "reset",
      "cut",
      "wrong-etag",
      "error-in-200",
    ];
    let count = 0;
    await using proxy = new FaultyProxy(server.port, () => {
      const at = count++;
      return at % 3 === 1
        ? faults[Math.floor(at / 3) % faults.length]
        : undefined;
    });
    const options = {
      permissions: PERMISSIONS,
      env: { ...server.env, AWS_ENDPOINT_URL: proxy.endpoint },
    };
    const { code, stderr } = await runBip(download(payload, port), options);
    assertEquals(code, 0, stderr);
    await payload.assertIn(server.folder, server.keys(), "a%20b/c+d/");
    // Each of them twice at least.
    assert(count > 6 * faults.length, `${count}`);
  },
);

interopTest(
  "two seeders on one bucket feed libtorrent and write nothing",
  ["versitygw", "libtorrent"],
  async () => {
    await using server = await Versitygw.start();
    await using payload = await new Payload({
      "one": 30 * MIB,
      "dir/two": 3 * MIB,
    }).make(MIB);
    await using first = payload.seeder();
    const options = { permissions: PERMISSIONS, env: server.env };
    const place = "s3://bucket";
    const { port } = await first.line("listening");
    const filled = await runBip(download(payload, port, place), options);
    assertEquals(filled.code, 0, filled.stderr);
    const before = server.keys();
    await using proxy = new FaultyProxy(server.port, () => undefined);
    const seed = [
      "seed",
      payload.torrent,
      place,
      "--json",
      "--s3-endpoint",
      proxy.endpoint,
      ...ALONE,
    ];
    await using one = startBip(seed, options);
    await using two = startBip(seed, options);
    const ports = [];
    for (const bip of [one, two]) {
      await bip.line("state", ({ state }) => state === "seeding");
      ports.push((await bip.line("listening")).port);
    }
    const leech = payload.temp.join("leech");
    await Deno.mkdir(leech);
    const peers = ports.flatMap((port) => ["--peer", `127.0.0.1:${port}`]);
    await using leecher = startLibtorrent(
      "leech",
      payload.torrent,
      leech,
      ...peers,
    );
    await leecher.line("complete");
    await payload.assertIn(
      leech,
      [...payload.files.keys()].map((name) => `load/${name}`).sort(),
    );
    assertEquals(server.keys(), before);
    assertEquals(
      proxy.requests.filter(({ method }) =>
        method !== "GET" && method !== "HEAD"
      ),
      [],
    );
    assert(proxy.requests.length > 0);
  },
);

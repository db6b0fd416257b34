/**
 * A download into an object store, beside a plain multipart upload of the same
 * bytes.
 *
 * @module
 */
import type { BenchRow } from "./bench_row.ts";
import { benchFolder, median, writeRandomFile } from "./swarm_bench.ts";
import { decodeTextLossy, encodeText } from "../_shared/bytes.ts";
import { checkStored } from "../disk/object/s3_answer.ts";
import { S3Client } from "../disk/object/s3_client.ts";
import {
  formatCompletion,
  type S3Part,
  tryDecodeText,
} from "../disk/object/s3_xml.ts";
import { createMetainfo } from "../metainfo/mod.ts";
import { hasProgram, startLibtorrent } from "../tests/interop/programs.ts";
import { KEYS, Versitygw } from "../tests/interop/versitygw.ts";
import { TempDir } from "../tests/support/paths.ts";
import { startBip } from "../tests/support/bip.ts";
import { downloadArgs } from "../tests/support/transfer.ts";

const MIB = 1024 * 1024;
const PART = 8 * MIB;

/** Measures both. */
export async function run(): Promise<BenchRow[]> {
  const smoke = Deno.env.get("BIP_BENCH_SMOKE") === "1";
  const size = (smoke ? 64 : 1024) * MIB;
  const name = `leech ${size / MIB} MiB into versitygw`;
  if (!hasProgram("versitygw") || !hasProgram("libtorrent")) {
    return [{ name, ours: "not measured", note: "a program is missing" }];
  }
  const folder = benchFolder();
  try {
    await Deno.mkdir(`${folder}/seed`);
    const payload = `${folder}/seed/payload.bin`;
    await writeRandomFile(payload, size);
    const rows: BenchRow[] = [];
    for (const pieceLength of [MIB, 8 * MIB]) {
      const torrent = `${folder}/${pieceLength}.torrent`;
      await Deno.writeFile(
        torrent,
        await createMetainfo({ inputs: [{ path: payload }], pieceLength }),
      );
      await using seeder = startLibtorrent(
        "seed",
        torrent,
        `${folder}/seed`,
        "--seconds",
        "900",
      );
      const { port } = await seeder.line("listening");
      const ours: number[] = [];
      const plain: number[] = [];
      for (let i = 0; i < (smoke ? 1 : 3); i++) {
        // In memory, as the payload is: a disk that writes back takes its time.
        await using server = await Versitygw.start(new TempDir(folder));
        plain.push(await upload(server, payload, size));
        ours.push(await leech(server, torrent, port));
      }
      const ratio = median(plain) / median(ours);
      rows.push({
        name: `${name}, pieces of ${pieceLength / MIB} MiB`,
        ours: `${median(ours).toFixed(2)} s`,
        peer: `plain multipart PUT ${median(plain).toFixed(2)} s`,
        ratio,
        target: ">= 0.5",
        met: ratio >= 0.5,
      });
    }
    return rows;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Sends a file in parts, four at a time. */
async function upload(
  { endpoint }: Versitygw,
  path: string,
  size: number,
): Promise<number> {
  const client = new S3Client({
    bucket: "bucket",
    endpoint,
    credentials: KEYS,
  });
  const start = performance.now();
  using file = await Deno.open(path);
  const key = "plain";
  const { body } = await client.send({
    method: "POST",
    key,
    query: [["uploads", ""]],
  });
  const root = "InitiateMultipartUploadResult";
  const id = tryDecodeText(decodeTextLossy(body), root, "UploadId")!;
  const parts: S3Part[] = [];
  let next = 0;
  const work = async () => {
    while (next * PART < size) {
      const number = ++next;
      const start = (number - 1) * PART;
      const length = Math.min(PART, size - start);
      const fill = (into: Uint8Array) => {
        file.seekSync(start, Deno.SeekMode.Start);
        for (let at = 0; at < length;) {
          at += file.readSync(into.subarray(at)) ?? 0;
        }
      };
      const { headers } = await client.send(
        {
          method: "PUT",
          key,
          query: [["partNumber", `${number}`], ["uploadId", id]],
          body: { length, fill },
        },
        undefined,
        checkStored,
      );
      const etag = headers.get("etag")!;
      parts[number - 1] = { number, etag, size: length };
    }
  };
  await Promise.all([work(), work(), work(), work()]);
  const list = encodeText(formatCompletion(parts));
  await client.send({
    method: "POST",
    key,
    query: [["uploadId", id]],
    body: { length: list.length, fill: (into) => into.set(list) },
  });
  return (performance.now() - start) / 1000;
}

/** Runs `bip download` until it says that it is complete. */
async function leech(
  server: Versitygw,
  torrent: string,
  port: unknown,
): Promise<number> {
  await using child = startBip(
    downloadArgs(torrent, "s3://bucket", port, "--json"),
    { permissions: ["-A"], env: server.env },
  );
  return Number((await child.line("complete")).seconds);
}

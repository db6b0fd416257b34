import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createMetainfo } from "../../../metainfo/mod.ts";
import { runBip } from "../../support/bip.ts";
import { TempDir } from "../../support/paths.ts";

const ENV = { AWS_ACCESS_KEY_ID: "AKIDTEST", AWS_SECRET_ACCESS_KEY: "hush" };
const PERMISSIONS = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
];

/** Runs `bip` on a torrent in a bucket that a server of the test's own has. */
async function run(
  args: (torrent: string) => string[],
  answer: (request: Request) => Response,
  env: Record<string, string> = ENV,
) {
  await using temp = new TempDir();
  const torrent = temp.join("a.torrent");
  const bytes = await createMetainfo({
    inputs: [{ path: ["a"], bytes: new Uint8Array(100_000) }],
    pieceLength: 32768,
  });
  await Deno.writeFile(torrent, bytes);
  const seen: string[] = [];
  await using server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, (request) => {
    seen.push(`${request.method} ${new URL(request.url).pathname}`);
    return answer(request);
  });
  const endpoint = `http://127.0.0.1:${server.addr.port}`;
  const result = await runBip([...args(torrent), "--s3-endpoint", endpoint], {
    env,
    permissions: PERMISSIONS,
  });
  const text = result.stderr + JSON.stringify(result.lines);
  assert(!/AKIDTEST|hush/.test(text), text);
  return { ...result, seen };
}

const refused = () =>
  new Response(
    "<Error><Code>AccessDenied</Code><Message>AKIDTEST may not (hush)</Message></Error>",
    { status: 403 },
  );

const ALONE = [
  "--no-dht",
  "--no-lpd",
  "--no-trackers",
  "--listen",
  "127.0.0.1",
];

for (
  const [verb, args] of [
    [
      "download",
      (file: string) => ["download", file, "-o", "s3://bkt/p", ...ALONE],
    ],
    ["seed", (file: string) => ["seed", file, "s3://bkt/p", ...ALONE]],
    ["verify", (file: string) => ["verify", file, "s3://bkt/p"]],
  ] as const
) {
  Deno.test(`s3:// - bip ${verb} says in one line that it may not`, async () => {
    const { code, stderr, seen } = await run(args, refused);
    assertEquals(code, 6);
    assertStringIncludes(stderr, "AccessDenied: *** may not (***)");
    assertEquals(seen, ["GET /bkt"]);
  });
}

Deno.test("s3:// - an empty bucket verifies as incomplete", async () => {
  const { code, lines } = await run(
    (file) => ["verify", file, "s3://bkt/", "--json"],
    (request) =>
      request.method === "GET" && request.url.includes("list-type")
        ? new Response(
          "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
        )
        : new Response(null, { status: 404 }),
  );
  assertEquals(code, 3);
  const text = lines.map((line) => line.text ?? JSON.stringify(line)).join("");
  assertEquals(JSON.parse(text), {
    pieces: 4,
    good: 0,
    bad: [0, 1, 2, 3],
    missing: ["a"],
  });
});

for (
  const [what, place, more, env, message] of [
    [
      "no keys",
      "s3://bkt/p",
      [],
      {},
      "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ],
    ["no bucket", "s3://", [], ENV, "not a valid bucket name"],
    ["a prefix with steps", "s3://bkt/../c", [], ENV, "not a valid key prefix"],
    [
      "a proxy",
      "s3://bkt/p",
      ["--proxy", "socks5://127.0.0.1:1"],
      ENV,
      "no proxy",
    ],
    ["a folder", ".", [], ENV, "begin with s3://"],
  ] as const
) {
  Deno.test(`s3:// - ${what} is said in one line`, async () => {
    const { code, stderr, seen } = await run(
      (file) => ["download", file, "-o", place, ...ALONE, ...more],
      refused,
      { ...env },
    );
    assertEquals(code, 2);
    assertStringIncludes(stderr, message);
    assertEquals(seen, []);
  });
}

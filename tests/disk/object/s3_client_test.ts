import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DiskError } from "../../../disk/error.ts";
import { S3Client } from "../../../disk/object/s3_client.ts";
import { ObjectStorage } from "../../../disk/object_storage.ts";
import { makeTorrent } from "../support.ts";
import { FakeS3, refusal, xml } from "./fake_s3.ts";

const torrent = makeTorrent({
  pieceLength: 32768,
  files: [50_000],
  paths: [["file"]],
});
const runs = [{ offset: 0, bytes: torrent.content[0]!.slice() }];
const pure = { permissions: "none" } as const;

function opened(server: FakeS3, options = {}) {
  return server.storage(options).open(torrent);
}

async function fails(
  server: FakeS3,
  work: Promise<unknown>,
): Promise<DiskError> {
  return await assertRejects(() => server.during(work), DiskError);
}

const write = (server: FakeS3, options = {}) =>
  server.during(Promise.resolve(opened(server, options).writePiece(0, runs)));

/** What a server does so many times before it answers well. */
const passing: [
  string,
  (answer: () => Response) => Response | Promise<Response>,
][] = [
  ["503 SlowDown", () => refusal(503, "SlowDown")],
  ["503 without a document", () => new Response("busy", { status: 503 })],
  ["500", () => refusal(500, "InternalError")],
  ["429", () => new Response(null, { status: 429 })],
  ["400 RequestTimeout", () => refusal(400, "RequestTimeout")],
  ["200 with an error in it", () => refusal(200, "InternalError")],
  ["a connection that breaks", () => Promise.reject(new TypeError("reset"))],
  ["a body that breaks", () =>
    new Response(
      new ReadableStream({
        start(stream) {
          stream.enqueue(new Uint8Array(9));
          stream.error(new TypeError("reset"));
        },
      }),
    )],
  [
    "a wrong ETag",
    () => new Response(null, { headers: { etag: `"${"0".repeat(32)}"` } }),
  ],
  ["a wrong checksum", (answer) => {
    const { etag } = Object.fromEntries(answer().headers);
    return new Response(null, {
      headers: { etag: etag!, "x-amz-checksum-crc32": "AAAA" },
    });
  }],
];

for (const [what, bend] of passing) {
  Deno.test(`S3Client - tries again after ${what}`, pure, async () => {
    const server = new FakeS3();
    server.fault = (_, answer) =>
      server.seen.length <= 3 ? bend(answer) : undefined;
    await write(server);
    assertEquals(server.seen.length, 4);
    assertEquals([...server.objects.keys()], [
      `.bip/${"01".repeat(20)}/0000000`,
    ]);
    // Waits grow: at least half of 250, 500 and 1000 ms.
    assert(server.clock.now() >= 875, `${server.clock.now()}`);
  });
}

Deno.test(
  "S3Client - gives up after eight attempts, and says why",
  pure,
  async () => {
    const server = new FakeS3();
    server.fault = () => refusal(503, "SlowDown", {}, "Reduce your rate");
    const error = await fails(server, write(server));
    assertEquals(server.seen.length, 8);
    assertEquals(error.code, "io");
    assert(
      error.message.endsWith("The server says SlowDown: Reduce your rate"),
      error.message,
    );
  },
);

Deno.test(
  "S3Client - one SlowDown holds all back, Retry-After is obeyed",
  pure,
  async () => {
    const server = new FakeS3();
    const at: number[] = [];
    server.fault = () => {
      at.push(server.clock.now());
      return at.length === 1
        ? refusal(503, "SlowDown", { "retry-after": "99" })
        : undefined;
    };
    const store = opened(server);
    const first = Promise.resolve(store.writePiece(0, runs));
    while (at.length === 0) await new Promise((resolve) => setTimeout(resolve));
    await new Promise((resolve) => setTimeout(resolve));
    const second = Promise.resolve(store.writePiece(1, []));
    await server.during(Promise.all([first, second]));
    // Signing takes real time, in which that of the clock runs.
    assert(at[1]! > 0 && at[1]! < 99_000, `${at}`);
    assert(at[2]! >= 99_000, `${at}`);
  },
);

const final: [string, () => Response, string][] = [
  ["AccessDenied", () => refusal(403, "AccessDenied"), "permission"],
  ["a wrong key", () => refusal(403, "InvalidAccessKeyId"), "permission"],
  ["expired credentials", () => refusal(400, "ExpiredToken"), "permission"],
  [
    "a 403 without a document",
    () => new Response(null, { status: 403 }),
    "permission",
  ],
  ["no bucket", () => refusal(404, "NoSuchBucket"), "not-found"],
  ["no room", () => refusal(507, "InsufficientStorage"), "disk-full"],
  ["a quota", () => refusal(403, "QuotaExceeded"), "disk-full"],
  ["what it cannot do", () => refusal(501, "NotImplemented"), "io"],
  ["another mistake", () => refusal(400, "InvalidArgument"), "io"],
  [
    "a redirect",
    () =>
      new Response(null, {
        status: 307,
        headers: { location: "http://127.0.0.1/" },
      }),
    "io",
  ],
];

for (const [what, answer, code] of final) {
  Deno.test(`S3Client - does not repeat after ${what}`, pure, async () => {
    const server = new FakeS3();
    server.fault = answer;
    assertEquals((await fails(server, write(server))).code, code);
    assertEquals(server.seen.length, 1);
  });
}

Deno.test("S3Client - another region is named", pure, async () => {
  const server = new FakeS3();
  server.fault = () =>
    refusal(301, "PermanentRedirect", { "x-amz-bucket-region": "eu-north-1" });
  assert(
    (await fails(server, write(server))).message.includes(
      "in region eu-north-1",
    ),
  );
});

Deno.test("S3Client - sets its clock by the server's", pure, async () => {
  const server = new FakeS3();
  server.fault = ({ headers }) =>
    headers.get("x-amz-date")!.startsWith("20260102")
      ? refusal(403, "RequestTimeTooSkewed", {
        date: "Fri, 01 May 2026 10:00:00 GMT",
      })
      : undefined;
  await write(server);
  assert(
    server.seen.at(-1)!.headers.get("x-amz-date")!.startsWith("20260501T1000"),
  );
  assertEquals(server.seen.length, 2);
});

Deno.test(
  "S3Client - asks for fresh credentials once when they have expired",
  pure,
  async () => {
    const server = new FakeS3();
    let asked = 0;
    let valid = 2;
    const credentials = () => {
      asked++;
      return Promise.resolve({
        accessKeyId: `K${asked}`,
        secretAccessKey: "s",
        sessionToken: `T${asked}`,
      });
    };
    server.fault = ({ headers }) =>
      headers.get("x-amz-security-token") === `T${valid}`
        ? undefined
        : refusal(400, "ExpiredToken");
    await write(server, { credentials });
    assertEquals(asked, 2);
    assert(
      server.seen[1]!.headers.get("authorization")!.includes("Credential=K2/"),
    );
    valid = 0;
    assertEquals(
      (await fails(server, write(server, { credentials }))).code,
      "permission",
    );
    assertEquals(asked, 4);
  },
);

Deno.test("S3Client - keys are in no message", pure, async () => {
  const server = new FakeS3();
  server.fault = () =>
    refusal(403, "SignatureDoesNotMatch", {}, "AKID topsecret tok");
  const credentials = {
    accessKeyId: "AKID",
    secretAccessKey: "topsecret",
    sessionToken: "tok",
  };
  const error = await fails(server, write(server, { credentials }));
  const text = `${error.message} ${Deno.inspect(error)}`;
  assert(!/AKID|topsecret|tok\b/.test(text), text);
  assert(error.message.includes("*** *** ***"));
  server.fault = () => Promise.reject(new TypeError("cannot send topsecret"));
  const other = await fails(server, write(server, { credentials }));
  assert(!other.message.includes("topsecret"));
});

const ranges: [string, (answer: () => Response) => Response][] = [
  [
    "too little",
    () =>
      new Response(new Uint8Array(9), {
        status: 206,
        headers: { "content-range": "bytes 100-199/32768" },
      }),
  ],
  [
    "too much",
    () =>
      new Response(new Uint8Array(101), {
        status: 206,
        headers: { "content-range": "bytes 100-199/32768" },
      }),
  ],
  [
    "another range",
    () =>
      new Response(new Uint8Array(100), {
        status: 206,
        headers: { "content-range": "bytes 0-99/32768" },
      }),
  ],
  ["another start", () =>
    new Response(new Uint8Array(100), {
      status: 206,
      headers: { "content-range": "bytes 50-199/32768" },
    })],
  ["no range", () => new Response(new Uint8Array(100), { status: 206 })],
  ["the whole object", () => new Response(new Uint8Array(100))],
];

for (const [what, bend] of ranges) {
  Deno.test(
    `S3Client - asked for a range, it does not take ${what}`,
    pure,
    async () => {
      const server = new FakeS3();
      const store = opened(server);
      await server.during(Promise.resolve(store.writePiece(0, runs)));
      let wrong = 2;
      server.fault = (_, answer) => wrong-- > 0 ? bend(answer) : undefined;
      const into = new Uint8Array(100);
      assert(
        await server.during(Promise.resolve(store.readRange(0, 100, into))),
      );
      assertEquals(into, torrent.content[0]!.subarray(100, 200));
      assertEquals(server.count("GET", /./), 3);
      server.fault = (_, answer) => bend(answer);
      await fails(server, Promise.resolve(store.readRange(0, 100, into)));
    },
  );
}

Deno.test(
  "S3Client - lists without end and broken ones are failures",
  pure,
  async () => {
    const server = new FakeS3();
    const page = (next: string) =>
      xml(
        `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>${next}</NextContinuationToken></ListBucketResult>`,
      );
    server.fault = () => page("again");
    const endless = await fails(server, Promise.resolve(opened(server).find()));
    assert(endless.message.includes("does not end"));
    assert(server.seen.length < 10);
    server.fault = () => xml("<ListBucketResult>");
    await fails(server, Promise.resolve(opened(server).find()));
  },
);

Deno.test(
  "S3Client - a server that does not answer is given up",
  pure,
  async () => {
    const server = new FakeS3();
    const storage = server.storage({
      attempts: 2,
      fetch: (_, init) =>
        new Promise((_, reject) =>
          init!.signal!.addEventListener(
            "abort",
            () => reject(init!.signal!.reason),
          )
        ),
    });
    const error = await fails(
      server,
      Promise.resolve(storage.open(torrent).writePiece(0, runs)),
    );
    assert(error.message.endsWith("The server does not answer"), error.message);
    assert(server.clock.now() > 60_000 && server.clock.now() < 240_000);
  },
);

Deno.test("S3Client - options that make no sense", pure, () => {
  const credentials = { accessKeyId: "AKID", secretAccessKey: "topsecret" };
  for (
    const options of [
      { bucket: "" },
      { bucket: "a/b" },
      { bucket: "bucket", region: "a b" },
      { bucket: "bucket", endpoint: "ftp://x" },
      { bucket: "bucket", endpoint: "http://u:topsecret@x" },
      { bucket: "bucket", endpoint: "http://x/?q" },
      { bucket: "bucket", prefix: "a//b" },
      { bucket: "bucket", prefix: "../b" },
      { bucket: "bucket", prefix: "a/./b" },
      { bucket: "bucket", prefix: "a\n" },
      { bucket: "bucket", prefix: "/a" },
    ]
  ) {
    const error = assertThrows(
      () => new ObjectStorage({ credentials, ...options }),
      RangeError,
    );
    assert(!error.message.includes("topsecret"));
  }
});

Deno.test("S3Client - where requests go", pure, async () => {
  const urls: string[] = [];
  const ask = async (
    options: {
      bucket: string;
      region?: string;
      endpoint?: string;
      prefix?: string;
    },
  ) => {
    const storage = new ObjectStorage({
      credentials: { accessKeyId: "a", secretAccessKey: "b" },
      fetch: (url, init) => {
        // Nobody sends us elsewhere.
        assertEquals(init!.redirect, "manual");
        urls.push(String(url).replace(/\.bip.*/, ""));
        return Promise.resolve(new Response(null));
      },
      ...options,
    });
    await storage.open(torrent).writePiece(0, runs);
  };
  await ask({ bucket: "films" });
  await ask({ bucket: "my.films", region: "eu-west-1" });
  await ask({
    bucket: "films",
    endpoint: "https://host:9/storage/",
    prefix: "a b/ü",
  });
  assertEquals(urls, [
    "https://films.s3.us-east-1.amazonaws.com/",
    "https://s3.eu-west-1.amazonaws.com/my.films/",
    "https://host:9/storage/films/a%20b/%C3%BC/",
  ]);
});

Deno.test("S3Client - an answer without end is not read on", pure, async () => {
  const server = new FakeS3();
  const store = opened(server, { attempts: 1 });
  await server.during(Promise.resolve(store.writePiece(0, runs)));
  let sent = 0;
  server.fault = () =>
    new Response(
      new ReadableStream({
        pull(stream) {
          sent += 10;
          stream.enqueue(new Uint8Array(10));
        },
      }),
      { status: 206, headers: { "content-range": "bytes 0-99/32768" } },
    );
  const into = new Uint8Array(100);
  await fails(server, Promise.resolve(store.readRange(0, 0, into)));
  assert(sent <= 130, `${sent}`);
});

Deno.test(
  "S3Client - large bodies are made in the memory of others, while there are any",
  pure,
  async () => {
    const gates = new Map<string, PromiseWithResolvers<Response>>();
    const client = new S3Client({
      bucket: "bucket",
      endpoint: "http://s3.test",
      credentials: { accessKeyId: "AKID", secretAccessKey: "topsecret" },
      attempts: 1,
      fetch(url) {
        const gate = Promise.withResolvers<Response>();
        gates.set(String(url).at(-1)!, gate);
        return gate.promise;
      },
    });
    const places: ArrayBuffer[] = [];
    const until = async (isSo: () => boolean) => {
      while (!isSo()) await new Promise((next) => setTimeout(next));
    };
    const send = async (key: string, length = 1 << 20) => {
      const at = places.length;
      const body = {
        length,
        fill: (into: Uint8Array<ArrayBuffer>) => void places.push(into.buffer),
      };
      const done = client.send({ method: "PUT", key, body });
      await until(() => gates.has(key));
      return {
        place: places[at],
        end: (answer = new Response(null)) => {
          gates.get(key)!.resolve(answer);
          return done;
        },
      };
    };
    const a = await send("a");
    const b = await send("b");
    await a.end();
    const c = await send("c", 1 << 19);
    const d = await send("d", (1 << 20) + 1);
    const e = await send("e");
    assertEquals(
      [b, c, d, e].map(({ place }) => place === a.place),
      [false, false, false, true],
    );
    // What was not sent well may still be looked at.
    await assertRejects(
      () => b.end(new Response(null, { status: 400 })),
      DiskError,
    );
    await c.end();
    const f = await send("f", 1 << 19);
    const g = await send("g");
    assertEquals([f.place === c.place, g.place === b.place], [false, false]);
    for (const one of [d, e, f, g]) await one.end();
    // Nothing is kept when nothing is sent.
    const h = await send("h");
    assertEquals(places.indexOf(h.place!), places.length - 1);
    await h.end();
  },
);

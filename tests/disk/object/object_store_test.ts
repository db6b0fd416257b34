import { assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../../disk/error.ts";
import {
  ObjectStore,
  type ObjectStoreContext,
} from "../../../disk/object/object_store.ts";
import type { S3Client, S3Request } from "../../../disk/object/s3_client.ts";
import { makeTorrent } from "../support.ts";

const pure = { permissions: "none" } as const;
const HASH = "x-amz-meta-bip-info-hash";
const PIECE = 16384;
const ID = "01".repeat(20);

/** One piece of a, one of a and b, one of b; padding; c; nothing. */
const torrent = makeTorrent({
  pieceLength: PIECE,
  files: [PIECE + 100, 2 * PIECE - 200, { length: 100, pad: true }, 50, 0],
  paths: [["a"], ["d", "b"], ["pad"], ["c"], ["none"]],
});
const [zero, one, two, three] = torrent.content as Uint8Array<ArrayBuffer>[];

interface Stored {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly owner?: string | undefined;
  readonly etag: string;
}

function setUp(options: Partial<ObjectStoreContext> & { page?: number } = {}) {
  const { page = 1000, ...more } = options;
  const objects = new Map<string, Stored>();
  const log: string[] = [];
  let tag = 0;
  const put = (key: string, bytes: Uint8Array<ArrayBuffer>, owner?: string) =>
    objects.set(key, { bytes, owner, etag: `e${++tag}` });
  const state: { before?: (request: S3Request) => void; list?: () => string } =
    {};
  const reply = (
    status: number,
    headers: Record<string, string> = {},
    body = "",
  ) => ({
    status,
    headers: new Headers(headers),
    body: new TextEncoder().encode(body),
  });
  const answer = async (request: S3Request) => {
    const { method, key = "", headers = [] } = request;
    const header = (name: string) => headers.find(([one]) => one === name)?.[1];
    if (key === "") {
      const query = new Map(request.query);
      const keys = [...objects.keys(), "alien"].sort();
      const from = Number(query.get("continuation-token") ?? 0);
      const items = keys.slice(from, from + page).map((key) =>
        `<Contents><Key>${key}</Key><Size>${
          objects.get(key)?.bytes.length ?? 0
        }</Size></Contents>`
      );
      const isMore = from + page < keys.length;
      return reply(
        200,
        {},
        state.list?.() ??
          `<ListBucketResult>${
            items.join("")
          }<IsTruncated>${isMore}</IsTruncated>${
            isMore
              ? `<NextContinuationToken>${from + page}</NextContinuationToken>`
              : ""
          }</ListBucketResult>`,
      );
    }
    if (method === "PUT") {
      const bytes = new Uint8Array(request.body!.length).fill(0xee);
      await request.body!.fill(bytes);
      put(key, bytes, header(HASH));
      return reply(200, { etag: objects.get(key)!.etag });
    }
    const found = objects.get(key);
    if (method === "DELETE" && request.query !== undefined) return reply(204);
    if (method === "DELETE") {
      objects.delete(key);
      return reply(204);
    }
    if (found === undefined) return reply(404);
    const { bytes, etag, owner } = found;
    const own = { etag, ...(owner === undefined ? {} : { [HASH]: owner }) };
    if (method === "HEAD") {
      return reply(200, { ...own, "content-length": `${bytes.length}` });
    }
    const match = header("if-match");
    if (match !== undefined && match !== etag) return reply(412);
    const range = header("range");
    if (range === undefined) return { ...reply(200, own), body: bytes };
    const [from, to] = range.slice(6).split("-").map(Number);
    request.into!.set(bytes.subarray(from, to! + 1));
    return reply(206, own);
  };
  const client = {
    async send(
      request: S3Request,
      _most?: number,
      check?: (answer: unknown) => void,
    ) {
      state.before?.(request);
      const { method, key = "" } = request;
      const range = request.headers?.find(([name]) => name === "range")?.[1];
      log.push(
        `${method} ${key}${range === undefined ? "" : ` ${range.slice(6)}`}`,
      );
      const found = await answer(request);
      if (method === "GET" && key === "") check?.(found);
      return found;
    },
    nameOf: (key: string) => `s3://x/${key}`,
  } as unknown as S3Client;
  const store = new ObjectStore({
    client,
    torrent,
    prefix: "p/",
    infoHash: ID,
    mayReplace: false,
    isReadOnly: false,
    onClose() {},
    ...more,
  });
  const taken = () => log.splice(0);
  const write = (i: number) =>
    store.writePiece(i, [{
      offset: 0,
      bytes: torrent.content[i]!.slice() as Uint8Array<ArrayBuffer>,
    }]);
  const find = async () => {
    const { good, doubtful = [] } = await store.find();
    return { good: [...good].sort(), doubtful: [...doubtful] };
  };
  const read = async (i: number, offset = 0, length = 16) => {
    const into = new Uint8Array(length).fill(0xee);
    return await store.readRange(i, offset, into) ? into : undefined;
  };
  return Object.assign(state, {
    store,
    objects,
    put,
    taken,
    write,
    find,
    read,
  });
}

const FOLDER = `p/.bip/${ID}/`;
const piece = (i: number) => `${FOLDER}000000${i}`;
const [a, b, c] = [0, 1, 3].map((i) =>
  torrent.fileContent[i]! as Uint8Array<ArrayBuffer>
);

Deno.test(
  "ObjectStore: a piece is one object, gaps and padding are zeros",
  pure,
  async () => {
    const { store, objects, find, read, taken } = setUp();
    await store.writePiece(2, [
      { offset: 0, bytes: two!.slice(0, 10) },
      { offset: 20, bytes: two!.slice(20, 30) },
    ]);
    const stored = objects.get(piece(2))!.bytes;
    assertEquals(stored.length, PIECE);
    assertEquals(
      stored.slice(0, 30),
      new Uint8Array([
        ...two!.slice(0, 10),
        ...new Uint8Array(10),
        ...two!.slice(20, 30),
      ]),
    );
    assertEquals(taken(), [`PUT ${piece(2)}`]);
    assertEquals(await read(2, 3, 5), two!.slice(3, 8));
    assertEquals(taken(), [`GET ${piece(2)} 3-7`]);
    assertEquals(await read(2, 3, 0), new Uint8Array(0));
    assertEquals(taken(), []);
    assertEquals(await find(), { good: [2], doubtful: [] });
  },
);

Deno.test(
  "ObjectStore: find() believes objects of the right name and size",
  pure,
  async () => {
    const { put, find } = setUp({ page: 2 });
    put(piece(0), zero!);
    put(piece(1), one!.slice(1));
    put(piece(9), zero!);
    put(`${FOLDER}2`, two!);
    put(`${FOLDER}0000003x`, three!);
    put(`${FOLDER}0000000003`, three!);
    put("p/c", c!);
    assertEquals(await find(), { good: [0], doubtful: [3] });
    put("p/d/b", b!, ID);
    put("p/a", a!, ID);
    assertEquals(await find(), { good: [0, 1, 2], doubtful: [3] });
    put("p/c", c!, "02".repeat(20));
    assertEquals(await find(), { good: [0, 1, 2], doubtful: [3] });
  },
);

Deno.test(
  "ObjectStore: an object of another length is in the way of a writer",
  pure,
  async () => {
    for (
      const [options, isRefused] of [
        [{}, true],
        [{ mayReplace: true }, false],
        [{ isReadOnly: true }, false],
      ] as const
    ) {
      const { put, find, store } = setUp(options);
      put("p/a", a!.slice(1));
      put("p/c", new Uint8Array(51));
      if (!isRefused) {
        assertEquals(await find(), { good: [], doubtful: [] });
        continue;
      }
      const error = await assertRejects(
        () => Promise.resolve(store.find()),
        DiskError,
      );
      assertEquals([error.code, error.message], [
        "foreign-file",
        'Cannot overwrite "s3://x/p/a": it is not part of the torrent, nor is 1 more file',
      ]);
    }
  },
);

Deno.test(
  "ObjectStore: finished files take the place of their pieces",
  pure,
  async () => {
    const { store, objects, write, taken, find, read } = setUp();
    for (const i of [0, 1]) await write(i);
    taken();
    await store.finish(0);
    assertEquals(objects.get("p/a")!.owner, ID);
    assertEquals(objects.get("p/a")!.bytes, a);
    // The second piece is needed for the other file.
    assertEquals([...objects.keys()].sort(), [piece(1), "p/a"].sort());
    assertEquals(taken().at(-1), `DELETE ${piece(0)}`);
    for (const i of [2, 3]) await write(i);
    await store.finish(1);
    await store.finish(3);
    await store.finish(4);
    assertEquals([...objects.keys()].sort(), ["p/a", "p/c", "p/d/b", "p/none"]);
    assertEquals(await find(), { good: [0, 1, 2, 3], doubtful: [] });
    taken();
    await store.finish(0);
    assertEquals(taken(), []);
    // A piece of two files, and one with padding.
    assertEquals(await read(1, 90, 20), one!.slice(90, 110));
    assertEquals(taken(), [
      `GET p/a ${PIECE + 90}-${PIECE + 99}`,
      "GET p/d/b 0-9",
    ]);
    assertEquals(await read(2, PIECE - 110, 110), two!.slice(PIECE - 110));
  },
);

Deno.test(
  "ObjectStore: pieces that others made files of are read there",
  pure,
  async () => {
    const { objects, put, write, read, taken } = setUp();
    await write(0);
    objects.delete(piece(0));
    assertEquals(await read(0, 0, 8), undefined);
    put("p/a", a!, ID);
    taken();
    assertEquals(await read(0, 0, 8), a!.slice(0, 8));
    assertEquals(taken(), ["HEAD p/a", "GET p/a 0-7"]);
    // It was made anew of the same pieces, or is another's now.
    put("p/a", a!, ID);
    assertEquals(await read(0, 0, 8), a!.slice(0, 8));
    assertEquals(taken(), ["GET p/a 0-7", "HEAD p/a", "GET p/a 0-7"]);
    put("p/a", a!);
    assertEquals(await read(0, 0, 8), undefined);
    put("p/a", a!.slice(1), ID);
    assertEquals(await read(0, 0, 8), undefined);
    objects.delete("p/a");
    assertEquals(await read(0, 0, 8), undefined);
    // Another one each time it is looked at.
    put("p/a", a!, ID);
    const bench = setUp();
    bench.put("p/a", a!, ID);
    bench.before = ({ method }) => {
      if (method === "GET") bench.put("p/a", a!, ID);
    };
    assertEquals(await bench.read(0, 0, 8), undefined);
  },
);

Deno.test(
  "ObjectStore: a file that was there is made anew only if it may be",
  pure,
  async () => {
    for (const mayReplace of [false, true]) {
      const { store, put, write, find, objects, taken } = setUp({ mayReplace });
      put("p/c", c!);
      await find();
      // All of it was there, and is right.
      taken();
      await store.finish(3);
      assertEquals(taken(), []);
      await write(3);
      if (mayReplace) {
        await store.finish(3);
        assertEquals(objects.get("p/c")!.owner, ID);
      } else {
        await assertRejects(() => store.finish(3), DiskError, "not part of");
        assertEquals(objects.get("p/c")!.owner, undefined);
        assertEquals(objects.has(piece(3)), true);
      }
    }
  },
);

Deno.test(
  "ObjectStore: what came in the place of a file meanwhile is not replaced",
  pure,
  async () => {
    const other = "02".repeat(20);
    for (const bytes of [c!, new Uint8Array(3)]) {
      const { store, put, write, find, objects } = setUp();
      await find();
      await write(3);
      put("p/c", bytes, other);
      const error = await assertRejects(() => store.finish(3), DiskError);
      assertEquals(error.code, "foreign-file");
      assertEquals(objects.get("p/c")!.owner, other);
    }
    // Our own of another run is as good.
    const { store, put, write, find, objects } = setUp();
    await find();
    await write(3);
    put("p/c", c!, ID);
    await store.finish(3);
    assertEquals([...objects.keys()], ["p/c"]);
  },
);

Deno.test("ObjectStore: remove() deletes what is ours", pure, async () => {
  const { store, put, objects, taken, find } = setUp();
  put(piece(0), zero!);
  put(`${FOLDER}upload-1`, new TextEncoder().encode("U"));
  put("p/a", a!, ID);
  put("p/c", c!);
  put("p/d/b", b!, "02".repeat(20));
  await store.remove();
  assertEquals([...objects.keys()].sort(), ["p/c", "p/d/b"]);
  assertEquals(taken().filter((name) => name.includes("pad")), []);
  assertEquals(await find(), { good: [], doubtful: [2, 3] });
});

Deno.test(
  "ObjectStore: a list that never ends, or is none, is an error",
  pure,
  async () => {
    const bench = setUp();
    let pages = 0;
    bench.list = () => {
      pages++;
      return "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken></ListBucketResult>";
    };
    const error = await assertRejects(() => bench.find(), DiskError);
    assertEquals(
      error.message,
      `Cannot list "s3://x/${FOLDER}": The list of objects does not end`,
    );
    assertEquals(pages, 4 + 5 + 1);
    bench.list = () => "nothing";
    await assertRejects(
      () => bench.find(),
      Error,
      "The list of objects is broken",
    );
  },
);

Deno.test(
  "ObjectStore: a finished file takes no piece of others along",
  pure,
  async () => {
    const { store, put, write, find, objects } = setUp();
    put("p/c", c!, ID);
    await find();
    for (const i of [0, 1, 2, 3]) await write(i);
    await store.finish(0);
    await store.finish(1);
    assertEquals(objects.has(piece(2)), false);
    assertEquals(objects.has(piece(3)), true);
  },
);

import { assertEquals, assertRejects } from "@std/assert";
import {
  hasPieceLayers,
  isReadOnly,
  needsPieceLayers,
  openStorage,
  placeOf,
} from "../../../client/content/open_storage.ts";
import type { TorrentHost } from "../../../client/content/torrent_host.ts";
import { SessionError } from "../../../client/error.ts";
import type { AddTorrentOptions } from "../../../client/types.ts";
import type { PieceStorage } from "../../../disk/piece_store.ts";
import type { Metainfo } from "../../../metainfo/mod.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { makeMetainfo, openContent } from "./fake_content.ts";

const none = { permissions: "none" } as const;
const signal = new AbortController().signal;

/** The same torrent, before its piece layers are known. */
function without({ pieceLayers: _, ...rest }: Metainfo): Metainfo {
  return rest;
}

Deno.test(
  "placeOf() takes the nearest word, a torrent's before a session's",
  none,
  () => {
    const fileSystem = new MemoryFileSystem();
    const storage = {} as PieceStorage;
    const session = {} as PieceStorage;
    assertEquals(placeOf({}, {}), ".");
    assertEquals(placeOf({}, { storage: session }) === session, true);
    assertEquals(placeOf({ dir: "b" }, { storage: session }), "b");
    assertEquals(placeOf({ dir: "b", fileSystem }, {}) === fileSystem, true);
    assertEquals(placeOf({ storage, fileSystem }, {}) === storage, true);
  },
);

Deno.test(
  "openStorage() checks as it is told, and leaves out what is not wanted",
  none,
  async () => {
    const metainfo = await makeMetainfo();
    const resumeData = Uint8Array.of(1);
    for (
      const [options, existing, skipped] of [
        [{}, "verify", undefined],
        [{ resumeData }, "resume", undefined],
        [{ resumeData, seedMode: true }, "trust", undefined],
        [{ files: [0, 2] }, "verify", [1]],
        [{ chooseFiles: () => [1] }, "verify", [0, 2]],
        [{ chooseFiles: () => undefined }, "verify", undefined],
        [{ filePriorities: [0, 1] }, "verify", [0]],
        [{ filePriorities: [0, 1], files: [0, 1] }, "verify", [0, 2]],
      ] as [AddTorrentOptions, string, number[] | undefined][]
    ) {
      const { added } = await openContent({ metainfo, options });
      assertEquals(added.existing, existing);
      assertEquals(added.skippedFiles && [...added.skippedFiles], skipped);
      assertEquals(added.readOnly, options.seedMode ?? false);
    }
    for (const options of [{ files: [3] }, { chooseFiles: () => [0, -1] }]) {
      await assertRejects(
        () => openContent({ metainfo, options }),
        RangeError,
        "the torrent has 3",
      );
    }
    // Padding is nobody's to choose.
    const padded = await makeMetainfo("hybrid", { a: 20_000, b: 20_000 });
    const { added } = await openContent({
      metainfo: padded,
      options: { files: [0] },
    });
    assertEquals([...added.skippedFiles!], [2]);
    const session = { allocation: "full", incompleteSuffix: ".part" } as const;
    const own = { allocation: "compact", incompleteSuffix: ".x" } as const;
    for (const options of [{}, own]) {
      const { added } = await openContent({ metainfo, session, options });
      const { allocation, incompleteSuffix } = { ...session, ...options };
      assertEquals([added.allocation, added.incompleteSuffix], [
        allocation,
        incompleteSuffix,
      ]);
    }
    assertEquals(isReadOnly({ readOnly: false, seedMode: true }), false);
  },
);

Deno.test(
  "openStorage() opens no v2 torrent whose piece layers are lacking",
  none,
  async () => {
    const whole = await makeMetainfo("v2");
    assertEquals([needsPieceLayers(whole), hasPieceLayers(whole)], [
      false,
      true,
    ]);
    const lacking = { ...whole, pieceLayers: new Map() };
    assertEquals(needsPieceLayers(lacking), true);
    // Files of one piece have none.
    const small = await makeMetainfo("v2", { a: 32_768, b: 1, c: 0 });
    assertEquals(hasPieceLayers(without(small)), true);
    const hybrid = await makeMetainfo("hybrid");
    const bare = without(hybrid);
    assertEquals([needsPieceLayers(bare), hasPieceLayers(bare)], [
      false,
      false,
    ]);
    await assertRejects(
      () => openStorage({} as TorrentHost, lacking, { signal }, () => {}),
      SessionError,
      "piece layers",
    );
  },
);

Deno.test(
  "openStorage() names files as it was told, and tells under which",
  none,
  async () => {
    const metainfo = await makeMetainfo();
    let paths: unknown;
    const disk = {
      findPaths: () =>
        Promise.resolve(metainfo.files.map(({ path }) => ["abc", ...path])),
      add: (torrent: { paths: unknown }) => {
        paths = torrent.paths;
        return Promise.resolve({});
      },
    };
    const host = {
      context: { disk: () => disk, options: {} },
      options: { renamedFiles: [[1, ["abc", "x"]]] },
    } as unknown as TorrentHost;
    const { renamed } = await openStorage(host, metainfo, { signal }, () => {});
    assertEquals(renamed, [{ index: 1, from: "abc/b", to: "abc/x" }]);
    assertEquals((paths as string[][])[1], ["abc", "x"]);
    const stop = AbortSignal.abort(new Error("Enough"));
    await assertRejects(
      () => openStorage(host, metainfo, { signal: stop }, () => {}),
      Error,
      "Enough",
    );
  },
);

import { assertEquals } from "@std/assert";
import { linkSimilarFiles, Session } from "../../client/mod.ts";
import { createMetainfo, parseMetainfo } from "../../metainfo/mod.ts";
import { TempDir } from "../support/paths.ts";

const PIECE = 16384;
const content = (seed: number, length: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed * (i >> 8)) & 255);
const A = content(1, 5 * PIECE);
const B = content(2, 3 * PIECE + 5);

async function torrentOf(
  version: "v1" | "v2",
  name: string,
  files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>,
) {
  return parseMetainfo(
    await createMetainfo({
      inputs: Object.entries(files).map(([path, bytes]) => ({
        path: [path],
        bytes,
      })),
      name,
      pieceLength: PIECE,
      version,
    }),
  );
}

for (const version of ["v2", "v1"] as const) {
  Deno.test({
    name: `files that another torrent has are linked, ${version}`,
    ignore: Deno.build.os === "windows",
    async fn() {
      await using temp = new TempDir();
      const [one, two] = [temp.join("one"), temp.join("two")];
      await Deno.mkdir(`${one}/first`, { recursive: true });
      await Deno.writeFile(`${one}/first/a`, A);
      await Deno.writeFile(`${one}/first/b`, B);
      const first = await torrentOf(version, "first", { a: A, b: B });
      const files = { other: A, unlike: content(3, 5 * PIECE), x: B };
      const plain = await torrentOf(version, "second", files);
      const hinted = { ...plain, similar: [first.infoHash] };
      await using session = await Session.open({ listen: false });
      await session.add(first, { dir: one }).completed;
      if (version === "v1") {
        // Without a hint nothing is compared.
        assertEquals(await linkSimilarFiles(plain, two, session.torrents), 0);
        const other = { ...plain, similar: [new Uint8Array(20)] };
        assertEquals(await linkSimilarFiles(other, two, session.torrents), 0);
      }
      const linked = await linkSimilarFiles(hinted, two, session.torrents);
      // Of v1 only pieces within a file tell, where they lie alike.
      assertEquals(linked, 2);
      const inode = (path: string) => Deno.statSync(path).ino;
      assertEquals(inode(`${two}/second/other`), inode(`${one}/first/a`));
      // What is there is left alone.
      assertEquals(await linkSimilarFiles(hinted, two, session.torrents), 0);
      const torrent = session.add(plain, { dir: two });
      await torrent.metadata;
      for await (const { type } of torrent.events()) {
        if (type === "state" && torrent.state === "downloading") break;
      }
      assertEquals(torrent.files[0]!.doneBytes, A.length);
      assertEquals(torrent.files[1]!.doneBytes, 0);
    },
  });
}

import { assertEquals, assertRejects } from "@std/assert";
import {
  type ClaimedPlace,
  PathClaims,
  TorrentClaims,
} from "../../../disk/files/path_claims.ts";

const pure = { permissions: "none" } as const;
const hex = (id: number) => `${id}`.padStart(2, "0").repeat(20);

function claimants(count = 2): TorrentClaims[] {
  const all = new PathClaims();
  return Array.from(
    { length: count },
    (_, i) => new TorrentClaims(all, new Uint8Array(20).fill(i + 1)),
  );
}

Deno.test(
  "TorrentClaims: the first has a path until it gives it back",
  pure,
  () => {
    const [a, b] = claimants() as [TorrentClaims, TorrentClaims];
    const place = {};
    const path = ["f", "x"];
    assertEquals(a.take(place, path), undefined);
    assertEquals(a.take(place, path), undefined);
    assertEquals(b.take(place, path), hex(1));
    // What it has not it cannot give back.
    b.release(place, path);
    assertEquals(b.take(place, path), hex(1));
    assertEquals(b.take(place, ["f", "y"]), undefined);
    assertEquals(b.take(place, ["x"]), undefined);
    assertEquals(b.take(place, ["f", "g", "x"]), undefined);
    assertEquals(b.take({}, path), undefined);
    a.release(place, path);
    a.release(place, path);
    assertEquals(b.take(place, path), undefined);
    assertEquals(a.take(place, path), hex(2));
    b.releaseAll();
    b.releaseAll();
    assertEquals(a.take(place, path), undefined);
    assertEquals(a.take(place, ["f", "y"]), undefined);
    assertEquals(a.take(place, ["x"]), undefined);
  },
);

Deno.test(
  "TorrentClaims: a folder is looked at once for all its files",
  pure,
  () => {
    const [a] = claimants(1) as [TorrentClaims];
    const looks: string[] = [];
    const place: ClaimedPlace = {
      realPath: (path, missing) => {
        looks.push(`${path.join("/")}${missing === undefined ? "" : "?"}`);
        return `/${path.join("/")}`;
      },
    };
    const take = () => {
      for (let i = 0; i < 300; i++) a.take(place, [`d${i % 3}`, `${i}`], i);
    };
    a.lookOnce(take);
    assertEquals(looks.splice(0), ["d0?", "d1?", "d2?"]);
    assertEquals(a.has(place, ["d1", "1"]), true);
    // What was seen then says nothing of later.
    looks.length = 0;
    take();
    assertEquals(looks.length > 290, true);
  },
);

Deno.test("PathClaims: a folder nobody has names of is forgotten", pure, () => {
  const all = new PathClaims();
  const a = new TorrentClaims(all, new Uint8Array(20));
  assertEquals(all.ownerOf("k", "x"), undefined);
  all.set("k", "x", undefined);
  all.set("k", "x", a);
  all.set("k", "y", a);
  assertEquals(all.ownerOf("k", "x"), a);
  all.set("k", "x", undefined);
  assertEquals([all.ownerOf("k", "x"), all.ownerOf("k", "y")], [undefined, a]);
  const [one, other] = [{}, {}];
  assertEquals(all.keyOf(one, ["a", "b"]), "0:a/b");
  assertEquals(all.keyOf(other, ["a", "b"]), "1:a/b");
  assertEquals(all.keyOf(one, []), "0:");
  assertEquals(all.keyOf({ realPath: () => "/r" }, ["a"]), "/r");
});

Deno.test(
  "TorrentClaims: links are followed, and folders asked about once",
  pure,
  () => {
    const [a, b] = claimants() as [TorrentClaims, TorrentClaims];
    const asked: string[] = [];
    const at = (base: string): ClaimedPlace => ({
      realPath(path) {
        const text = path.join("/");
        asked.push(text);
        if (text === "link") return `${base}/x`;
        if (text === "top") return "/top";
        return [base, ...path].join("/");
      },
    });
    const one = at("/out");
    const other = at("/out");
    a.take(one, ["x"]);
    a.take(one, ["y"]);
    a.take(one, ["f", "x"]);
    assertEquals(asked, ["", "f"]);
    assertEquals(b.take(other, ["x"]), hex(1));
    assertEquals(b.take(other, ["link"]), undefined);
    assertEquals(b.takeReal(other, ["link"]), hex(1));
    assertEquals(a.takeReal(one, ["link"]), undefined);
    assertEquals(b.takeReal(other, ["z"]), undefined);
    assertEquals(a.take(one, ["z"]), hex(2));
    assertEquals(b.takeReal({}, ["x"]), undefined);
    assertEquals(b.takeReal(other, ["top"]), undefined);
    assertEquals(a.take({ realPath: () => "/" }, ["top"]), hex(2));
  },
);

Deno.test(
  "TorrentClaims: others instead of all, or none of them",
  pure,
  async () => {
    const [a, b] = claimants() as [TorrentClaims, TorrentClaims];
    const place = {};
    const paths = ["1", "2", "3"].map((name) => [name]);
    const [first, second, third] = paths as [string[], string[], string[]];
    const owners = () => paths.map((path) => b.take(place, path));
    const free = () => b.releaseAll();
    a.take(place, first);
    a.take(place, second);
    const failed = new Error("no");
    const take = () => {
      a.take(place, second);
      a.take(place, third);
    };
    const error = await assertRejects(() =>
      a.exchange(take, () => {
        assertEquals(owners(), [hex(1), hex(1), hex(1)]);
        return Promise.reject(failed);
      })
    );
    assertEquals(error, failed);
    assertEquals(owners(), [hex(1), hex(1), undefined]);
    free();
    await a.exchange(take, () => Promise.resolve());
    assertEquals(owners(), [undefined, hex(1), hex(1)]);
    free();
    a.releaseAll();
    assertEquals(owners(), [undefined, undefined, undefined]);
  },
);

Deno.test("TorrentClaims: where names fold, all of a path does", pure, () => {
  const [a, b] = claimants() as [TorrentClaims, TorrentClaims];
  const place = {
    foldsNames: true,
    realPath: (path: readonly string[]) => ["/Base", ...path].join("/"),
  };
  assertEquals(a.take(place, ["Dir", "\u00c9a"]), undefined);
  for (const name of ["\u00e9A", "e\u0301a"]) {
    assertEquals(b.take(place, ["dIR", name]), hex(1));
    assertEquals(b.takeReal(place, ["dir", name]), hex(1));
    assertEquals(b.ownerOf(place, ["DIR", name]), hex(1));
    assertEquals(a.has(place, ["DIR", name]), true);
  }
  a.release(place, ["dir", "\u00e9a"]);
  assertEquals(b.take(place, ["Dir", "\u00c9a"]), undefined);
});

Deno.test("TorrentClaims: tells whose part is where", pure, () => {
  const [a, b] = claimants() as [TorrentClaims, TorrentClaims];
  const place = {
    realPath: (path: readonly string[]) =>
      path[0] === "link" ? "/b/x" : ["/b", ...path].join("/"),
  };
  a.take(place, ["x"], 3);
  a.take(place, ["y"]);
  const parts = () =>
    ["x", "y", "link", "z"].map((name) => b.isOwnersPart(place, [name]));
  assertEquals(parts(), [true, true, true, true]);
  a.isPart = (fileIndex) => fileIndex === 3;
  assertEquals(parts(), [true, false, true, true]);
  // What it takes again by name only is of the same file.
  a.take(place, ["x"]);
  a.take(place, ["y"], 3);
  assertEquals(parts(), [true, true, true, true]);
  a.isPart = () => false;
  assertEquals(parts(), [false, false, false, true]);
});

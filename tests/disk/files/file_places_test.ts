import { assertEquals } from "@std/assert";
import { FilePlaces } from "../../../disk/files/file_places.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "incomplete files have the suffix, unless another has that name",
  pure,
  () => {
    const long = "x".repeat(253);
    const places = new FilePlaces(
      [["t", "a"], ["t", "A.PART"], ["t", "b"], ["t", "b.part", "c"], [
        "t",
        long,
      ]],
      ".part",
    );
    for (let i = 0; i < 5; i++) places.set(i, true);
    assertEquals(places.all.map((path) => path.slice(1).join("/")), [
      "a",
      "A.PART.part",
      "b",
      "b.part/c.part",
      long,
    ]);
    assertEquals([...places.suffixed], [1, 3]);
    assertEquals(places.paths[1], ["t", "A.PART"]);
    places.set(1, false);
    assertEquals(places.at(1), ["t", "A.PART"]);
    assertEquals(places.renamed(3, ["u"]), ["u.part"]);
    assertEquals(places.renamed(1, ["u"]), ["u"]);
    places.move([["a"], ["B"], ["c"], ["d"], ["e"]]);
    places.set(0, true);
    assertEquals(places.all, [["a.part"], ["B"], ["c"], ["d.part"], ["e"]]);
  },
);

Deno.test("without a suffix nothing has one", pure, () => {
  const places = new FilePlaces([["a"]], "");
  assertEquals(places.hasSuffix, false);
  assertEquals(places.all, [["a"]]);
});

import { assertEquals } from "@std/assert";
import { chooseWebSeeds } from "../../../client/content/web_seeds.ts";

Deno.test(
  "chooseWebSeeds() takes all of a person, few of a torrent, each once",
  {
    permissions: "none",
  },
  () => {
    const told = [
      "http://a.example/0",
      "ftp://a.example/",
      "nonsense",
      ...Array.from({ length: 9 }, (_, i) => `http://a.example/${i}`),
      ...Array.from({ length: 20 }, (_, i) => `http://h${i}.example/`),
    ];
    const named = [
      "http://A.example/0",
      "http://127.0.0.1:9/",
      "http://a.example/0",
    ];
    const chosen = chooseWebSeeds(named, told);
    assertEquals(
      chosen.filter(({ isNamed }) => isNamed).map(({ url }) => url),
      [
        "http://A.example/0",
        "http://127.0.0.1:9/",
      ],
    );
    assertEquals(
      chosen.filter(({ isNamed }) => !isNamed).map(({ url }) => url),
      [
        ...[1, 2, 3, 4].map((i) => `http://a.example/${i}`),
        ...[0, 1, 2, 3, 4, 5, 6, 7].map((i) => `http://h${i}.example/`),
      ],
    );
    assertEquals(chooseWebSeeds([], []), []);
  },
);

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  addBlocklistLine,
  BlocklistError,
  IpSet,
  IpSetBuilder,
  readBlocklist,
} from "../../handshake/mod.ts";
import { randomInt, seededRandom } from "../../_shared/random.ts";

const none = { permissions: "none" } as const;

function stream(text: string, step = 7): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at += step));
    },
  });
}

async function setOf(text: string, step?: number): Promise<IpSet> {
  const builder = new IpSetBuilder();
  await readBlocklist(stream(text, step), builder);
  return builder.build();
}

Deno.test(
  "readBlocklist() - P2P text, ipfilter.dat and prefixes",
  none,
  async () => {
    const text = [
      "# comment",
      "; comment",
      "// comment",
      "",
      "Some network, 1.1.1.1 - really: 192.0.2.0-192.0.2.9",
      "Bogon:198.51.100.7-198.51.100.7\r",
      "001.009.096.105 - 001.009.096.120 , 000 , An organisation",
      "005.000.000.000 - 005.255.255.255 , 127 , Blocked",
      "006.000.000.000 - 006.255.255.255 , 128 , Allowed",
      "7.0.0.1-7.0.0.2,100,no spaces",
      "10.0.0.0/8",
      "172.16.0.9 # one",
      "2001:db8::/32 ; six",
      "fe80::1-fe80::9",
      "not a line that means anything",
      "Mistyped:300.1.1.1-301.1.1.1",
      "Backwards:9.9.9.9-9.9.9.1",
      "203.0.113.0/24",
    ].join("\n");
    for (const step of [1, 7, 4096]) {
      const builder = new IpSetBuilder();
      const counts = await readBlocklist(stream(text, step), builder);
      assertEquals(counts, { ranges: 10, ignored: 3 });
      const set = builder.build();
      const inside = [
        "192.0.2.0",
        "192.0.2.9",
        "198.51.100.7",
        "1.9.96.105",
        "1.9.96.120",
        "5.1.2.3",
        "7.0.0.2",
        "10.255.255.255",
        "172.16.0.9",
        "2001:db8::5",
        "fe80::9",
        "203.0.113.255",
        "::ffff:10.1.1.1",
      ];
      const outside = [
        "1.1.1.1",
        "192.0.2.10",
        "1.9.96.104",
        "6.1.2.3",
        "7.0.0.3",
        "9.9.9.5",
        "172.16.0.10",
        "2001:db9::",
        "fe80::a",
      ];
      for (const ip of inside) assert(set.has(ip), ip);
      for (const ip of outside) assert(!set.has(ip), ip);
    }
  },
);

Deno.test(
  "readBlocklist() - gzip, and gzip that is damaged",
  none,
  async () => {
    const zipped = new Uint8Array(
      await new Response(
        stream("10.0.0.0/8\n192.0.2.1\n").pipeThrough(
          new CompressionStream("gzip") as ReadableWritablePair<
            Uint8Array,
            Uint8Array
          >,
        ),
      ).arrayBuffer(),
    );
    const pieces = (bytes: Uint8Array) =>
      ReadableStream.from(Array.from(bytes, (byte) => Uint8Array.of(byte)));
    const builder = new IpSetBuilder();
    await readBlocklist(pieces(zipped), builder);
    assert(builder.build().has("10.1.1.1"));
    for (let end = 2; end < zipped.length; end++) {
      const error = await assertRejects(
        () =>
          readBlocklist(pieces(zipped.subarray(0, end)), new IpSetBuilder()),
        BlocklistError,
      );
      assertEquals(error.code, "corrupt");
    }
  },
);

Deno.test(
  "readBlocklist() - is bounded in bytes, ranges and lines",
  none,
  async () => {
    const code = async (
      text: string | ReadableStream<Uint8Array>,
      options: Parameters<typeof readBlocklist>[2],
    ) =>
      (await assertRejects(
        () =>
          readBlocklist(
            typeof text === "string" ? stream(text, 4096) : text,
            new IpSetBuilder(),
            options,
          ),
        BlocklistError,
      )).code;
    assertEquals(
      await code("1.1.1.1\n1.1.1.3\n", { maxRanges: 1 }),
      "too-large",
    );
    assertEquals(await code("1.1.1.1\n", { maxBytes: 7 }), "too-large");
    assertEquals(await code("<html>\n", {}), "no-ranges");
    assertEquals((await setOf("")).size, 0);
    assertEquals((await setOf("1.1.1.1", 3)).size, 1);
    // A bomb: a gigabyte without a line end, of a megabyte.
    let cancelled = false;
    let chunks = 0;
    const bomb = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        if (chunks++ === 1024) return controller.close();
        controller.enqueue(new Uint8Array(1_048_576).fill(0x31));
      },
      cancel: () => void (cancelled = true),
    }).pipeThrough(new CompressionStream("gzip"));
    assertEquals(await code(bomb, { maxBytes: 10_000_000 }), "too-large");
    assert(cancelled);
    assert(chunks < 100, `${chunks}`);
    // What follows a line that is too long is still read.
    const long = await setOf(`1.2.3.4-1.2.3.5${" ".repeat(2000)}\n9.9.9.9\n`);
    assertEquals([long.size, long.has("9.9.9.9")], [1, true]);
  },
);

Deno.test("IpSetBuilder - a million ranges take 8 bytes each", none, () => {
  const random = seededRandom(5);
  const builder = new IpSetBuilder();
  for (let i = 0; i < 1_000_000; i++) {
    const first = 4096 * i + randomInt(random, 2000);
    builder.addIpv4(first, first + randomInt(random, 2000));
  }
  const set = builder.build();
  assertEquals(set.size, 1_000_000);
  assertEquals(set.byteLength, 8_000_000);
  assert(!set.has("255.255.255.255"));
});

Deno.test(
  "IpSetBuilder - agrees with a list that is asked one by one",
  none,
  () => {
    const random = seededRandom(6);
    for (
      const [prefix, width] of [["10.0.0.", 200], ["fd00::", 200]] as const
    ) {
      for (let round = 0; round < 50; round++) {
        const list: [number, number][] = [];
        const builder = new IpSetBuilder();
        const text = (n: number) =>
          prefix + (prefix.includes(":") ? n.toString(16) : n);
        for (let i = randomInt(random, 20); i >= 0; i--) {
          const first = randomInt(random, width);
          const last = first + randomInt(random, 20);
          list.push([first, last]);
          assert(builder.add(`${text(first)}-${text(last)}`));
        }
        const set = builder.build();
        for (let n = 0; n < 256; n++) {
          const wanted = list.some(([first, last]) => first <= n && n <= last);
          assertEquals(set.has(text(n)), wanted, text(n));
        }
      }
    }
    assertEquals(new IpSet(["10.0.0.0/25", "10.0.0.128/25"]).size, 1);
  },
);

Deno.test("addBlocklistLine() - is quick to refuse what is long", none, () => {
  const builder = new IpSetBuilder();
  for (const part of ["1.", ":", " ", "1.1.1.1-", "1.1.1.1 - 2.2.2.2 ,"]) {
    assert(!addBlocklistLine(`x${part.repeat(1024 / part.length)}x`, builder));
  }
  assertEquals(builder.count, 0);
});

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Verb } from "../../cli/command.ts";
import { verbHelp } from "../../cli/help.ts";
import { VERBS } from "../../cli/verbs.ts";

const verb: Verb = {
  name: "try",
  summary: "Try it",
  usage: "FILE [--limit RATE] [--size SIZE] [--time S] [--plain]",
  operands: [1, 1],
  operandNames: ["FILE"],
  permissions: "--allow-read=FILE",
  options: [
    { name: "limit", value: "RATE", summary: "At most so much" },
    { name: "plain", summary: "Nothing more" },
  ],
  run: () => 0,
};

Deno.test("verbHelp() explains the units that a verb takes", {
  permissions: "none",
}, () => {
  const help = verbHelp(verb);
  assertStringIncludes(help, "RATE is an amount per second");
  assert(!help.includes("SIZE is"), help);
  assert(!help.includes("S is seconds"), help);
  assertEquals(help.split("\n").at(-1), "Permissions: --allow-read=FILE");
  const options = [{ name: "size", value: "SIZE", summary: "Bytes" }];
  assertStringIncludes(
    verbHelp({ ...verb, options }),
    "SIZE is a number of bytes",
  );
});

Deno.test("verbHelp() lists the words of a value, the default last", {
  permissions: "none",
}, () => {
  const options = [
    { name: "kind", value: "K", summary: "Kind (b)", complete: ["a", "b"] },
    { name: "way", value: "W", summary: "In or out (in)", complete: ["in"] },
    { name: "file", value: "F", summary: "Files", repeat: true },
  ];
  const lines = verbHelp({ ...verb, options }).split("\n");
  const told = (text: string) => lines.some((line) => line.endsWith(text));
  assert(told("  Kind: a, b (b)"), lines.join("\n"));
  assert(told("  In or out (in)"), lines.join("\n"));
  assert(told("--file F...    Files"), lines.join("\n"));
  assert(told("Options with ... may be given repeatedly."));
});

Deno.test("verbHelp() fits the terminal, whatever the verb", async () => {
  for (const entry of VERBS) {
    const verb = await entry.load();
    assertEquals(verb.summary, entry.summary);
    for (const columns of [60, 80]) {
      for (const line of verbHelp(verb, columns).split("\n")) {
        // Long words are not cut.
        const fits = line.length <= columns ||
          line.split(" ").some((word) => word.length > columns / 2);
        assert(fits, `bip ${verb.name} at ${columns}: ${line}`);
      }
    }
  }
});

Deno.test("verbHelp() tells of one verb of a verb, for each that there is", async () => {
  for (const name of ["remote", "dht"]) {
    const verb = await VERBS.find((entry) => entry.name === name)!.load();
    const names = Object.keys(verb.subVerbs!.table);
    assertEquals(verb.words, names);
    for (const sub of names) {
      const help = verbHelp(verb, 80, sub);
      const [summary, , usage] = help.split("\n");
      assertEquals(summary, `${verb.subVerbs!.table[sub]!.summary}.`);
      assertStringIncludes(usage!, `Usage: bip ${name} ${sub}`);
      for (const option of verb.subVerbs!.table[sub]!.options) {
        assertStringIncludes(help, `--${option}`);
      }
      assert(help.length < verbHelp(verb, 80).length, sub);
    }
    assertEquals(verbHelp(verb, 80, "nothing"), verbHelp(verb));
  }
  const remote = await VERBS.find(({ name }) => name === "remote")!.load();
  const stop = verbHelp(remote, 80, "stop");
  assertStringIncludes(stop, "--url URL");
  assert(!stop.includes("--delete-files"), stop);
});

Deno.test("help tells of every object that --json prints line by line", {
  permissions: { read: true },
}, async () => {
  const details = await Promise.all(
    VERBS.map(async (entry) => (await entry.load()).details?.join() ?? ""),
  );
  const help = details.join();
  const types = new Set<string>();
  const search = async (folder: URL): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) {
        await search(new URL(`${name}/`, folder));
        continue;
      }
      const code = await Deno.readTextFile(new URL(name, folder));
      const printed = code.matchAll(
        /(?:printJson\(|event\(|return )\{\s*type: "([\w-]+)"/g,
      );
      for (const [, type] of printed) types.add(type!);
    }
  };
  await search(new URL("../../cli/", import.meta.url));
  // Kinds of sources that a person names.
  types.delete("magnet");
  assert(types.size > 12, `${types.size}`);
  for (const type of types) assertStringIncludes(help, `"type":"${type}"`);
});

import { assertEquals, assertThrows } from "@std/assert";
import { parseVerbArguments } from "../../cli/arguments.ts";
import type { Verb } from "../../cli/command.ts";
import { UsageError } from "../../cli/error.ts";
import { pickSubVerb } from "../../cli/sub_verb.ts";

const permissions = "none";

const VERB: Verb = {
  name: "pet",
  summary: "Pets",
  usage: "feed|walk",
  operands: [1, 9],
  operandNames: ["feed or walk"],
  permissions: "none",
  options: [
    { name: "far", summary: "Far" },
    { name: "food", value: "X", summary: "Food" },
    { name: "json", summary: "JSON" },
  ],
  run: () => 0,
};
const TABLE = {
  feed: {
    summary: "Feed",
    operands: [1, 1],
    usage: "feed PET",
    options: ["food"],
  },
  walk: { summary: "Walk", operands: [0, 0], usage: "walk", options: ["far"] },
} as const;

const pick = (...words: string[]) =>
  pickSubVerb(parseVerbArguments(words, VERB), VERB, TABLE, ["json"]);

Deno.test({
  name: "pickSubVerb() finds the verb of a verb, and what belongs to it",
  permissions,
  fn() {
    const { picked, operands } = pick("feed", "cat", "--food", "x", "--json");
    assertEquals([picked, operands], [TABLE.feed, ["cat"]]);
    assertEquals(pick("walk", "--far").picked, TABLE.walk);
  },
});

Deno.test({
  name: "pickSubVerb() refuses what does not belong, and says what does",
  permissions,
  fn() {
    const rows: [string[], string, string][] = [
      [["fed"], 'Unknown verb "fed" of bip pet', "Did you mean bip pet feed?"],
      [["toString"], 'Unknown verb "toString" of bip pet', "Verbs: feed, walk"],
      [["feed"], "Missing operand of bip pet feed", "Usage: bip pet feed PET"],
      [["feed", "a", "b"], 'Unexpected operand "b"', "Usage: bip pet feed PET"],
      [
        ["walk", "--food", "x"],
        "--food is not for bip pet walk",
        "Usage: bip pet walk",
      ],
      [
        ["feed", "a", "--far"],
        "--far is not for bip pet feed",
        "Usage: bip pet feed PET",
      ],
    ];
    for (const [words, message, hint] of rows) {
      const error = assertThrows(() => pick(...words), UsageError, message);
      assertEquals(error.hint, hint);
    }
  },
});

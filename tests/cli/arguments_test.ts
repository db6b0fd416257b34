import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseVerbArguments } from "../../cli/arguments.ts";
import type { Verb } from "../../cli/command.ts";
import { UsageError } from "../../cli/error.ts";

const verb: Verb = {
  name: "make",
  summary: "Make",
  usage: "IN [OUT]",
  operands: [1, 2],
  operandNames: ["IN"],
  permissions: "none",
  options: [
    {
      name: "output",
      short: "o",
      value: "FILE",
      summary: "",
      complete: "file",
    },
    { name: "tracker", short: "t", value: "URL", repeat: true, summary: "" },
    { name: "no-date", summary: "" },
    { name: "quiet", short: "q", summary: "" },
    { name: "json", summary: "" },
  ],
  run: () => 0,
};
const parse = (...words: string[]) => parseVerbArguments(words, verb);
const test = (name: string, fn: () => void) =>
  Deno.test({ name, permissions: "none", fn });

test("parseVerbArguments - every form of an option", () => {
  for (
    const words of [
      ["in", "--output", "x"],
      ["in", "--output=x"],
      ["-o", "x", "in"],
      ["-ox", "in"],
      ["-o=x", "in"],
      ["-qo", "x", "in"],
      ["-qox", "in"],
    ]
  ) {
    const args = parse(...words);
    assertEquals(args.get("output"), "x", words.join(" "));
    assertEquals(args.operands, ["in"]);
  }
  assert(parse("in", "-q").has("quiet"));
  assert(!parse("in").has("quiet"));
  assert(!parse("in", "--quiet=false").has("quiet"));
  assert(parse("in", "--no-date").has("no-date"));
  assert(parse("in", "--output=x").has("output"));
  assert(!parse("in").has("output"));
});

test("parseVerbArguments - values and operands keep their text", () => {
  const args = parse("007", "--output=a=b,c d", "--", "-1e3");
  assertEquals(args.operands, ["007", "-1e3"]);
  assertEquals(args.get("output"), "a=b,c d");
  assertEquals(parse("in", "-o", "-").get("output"), "-");
  assertEquals(parse("in", "-o", "-5 degrees").get("output"), "-5 degrees");
  assertEquals(parse("in", "--tracker=").get("tracker"), "");
  assertEquals(parse("in", "--output=--json").get("output"), "--json");
  assertEquals(parse("true", "--quiet", "false").operands, ["true", "false"]);
  assertEquals(
    parse("in", "--output", "line\nbreak").get("output"),
    "line\nbreak",
  );
  assertEquals(parse("--", "--json").operands, ["--json"]);
});

test("parseVerbArguments - repeated options", () => {
  const args = parse("in", "-t", "a", "--tracker=b", "-o1", "-o2");
  assertEquals(args.all("tracker"), ["a", "b"]);
  assertEquals(args.get("output"), "2");
  assertEquals(args.all("none"), []);
  assertEquals(args.get("none"), undefined);
});

test("parseVerbArguments - mistakes are named, with a hint", () => {
  const cases: [string[], string, string?][] = [
    [["in", "--outptu", "x"], "Unknown option --outptu", "--output"],
    [["in", "--qiet"], "Unknown option --qiet", "--quiet"],
    [["in", "-z"], "Unknown option -z"],
    [["in", "-qz"], "Unknown option -z"],
    [["in", "--__proto__=1"], "Unknown option --__proto__"],
    [["in", "--output"], "Option --output needs a value: FILE"],
    [["in", "-o"], "Option -o needs a value: FILE"],
    [["in", "--output="], "Option --output needs a value: FILE is empty"],
    [["in", "-o", ""], "Option -o needs a value: FILE is empty"],
    [["in", "--output", "--json"], "Option --output needs a value"],
    [["in", "--output", "-q"], "Option --output needs a value"],
    [["in", "--json=maybe"], "Option --json takes no value"],
    [[], "Missing IN", "Usage: bip make IN [OUT]"],
    [["a", "b", "c"], 'Unexpected operand "c"'],
  ];
  for (const [words, message, hint] of cases) {
    const error = assertThrows(() => parse(...words), UsageError, message);
    if (hint !== undefined) assert(error.hint?.includes(hint), error.hint);
  }
});

test("parseVerbArguments - help needs no operands", () => {
  assert(parse("--help").has("help"));
  assert(parse("-h").has("help"));
});

test("Arguments.choice - one of a few words", () => {
  const words = ["fast", "slow"] as const;
  assertEquals(parse("in").choice("output", words), undefined);
  assertEquals(parse("in", "-o", "slow").choice("output", words), "slow");
  for (
    const [text, hint] of [["", undefined], ["fats", "Did you mean fast?"]]
  ) {
    const error = assertThrows(
      () => parse("in", `--tracker=${text}`).choice("tracker", words),
      UsageError,
      `--tracker must be one of fast, slow, not "${text}"`,
    );
    assertEquals(error.hint, hint);
  }
});

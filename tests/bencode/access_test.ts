import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type BencodePath,
  BencodeTypeError,
  type BencodeTypeErrorCode,
  type BencodeValue,
  decodeBencode,
  getBencodeBytes,
  getBencodeDictionary,
  getBencodeInteger,
  getBencodeList,
  getBencodeText,
  getBencodeValue,
  tryGetBencodeBytes,
  tryGetBencodeDictionary,
  tryGetBencodeInteger,
  tryGetBencodeList,
  tryGetBencodeText,
  tryGetBencodeValue,
} from "../../bencode/mod.ts";
import { raw } from "./generate.ts";

const value = decodeBencode(raw(
  "d3:a.bi1e4:bigsi99999999999999999999e5:bytes2:\xff\x004:infod5:files" +
    "ld6:lengthi5eei7eee4:text6:\xe2\x82\xacuroe",
));

type Getter = (
  value: BencodeValue,
  path: BencodePath,
  context?: string,
) => unknown;

Deno.test({
  name: "the getters read fields by path",
  permissions: "none",
  fn() {
    assertEquals(getBencodeInteger(value, "a.b"), 1);
    assertEquals(getBencodeInteger(value, ["info", "files", 0, "length"]), 5);
    assertEquals(getBencodeBytes(value, "bytes"), raw("\xff\0"));
    assertEquals(getBencodeText(value, "text"), "€uro");
    assertEquals(getBencodeList(value, ["info", "files"]).length, 2);
    assertEquals(getBencodeDictionary(value, "info").size, 1);
    assertEquals(getBencodeDictionary(value, []), value);
    assertEquals(getBencodeValue(value, ["info", "files", 1]), 7);

    assertEquals(tryGetBencodeInteger(value, "a.b"), 1);
    assertEquals(tryGetBencodeBytes(value, "bytes"), raw("\xff\0"));
    assertEquals(tryGetBencodeText(value, "text"), "€uro");
    assertEquals(tryGetBencodeList(value, ["info", "files"])?.length, 2);
    assertEquals(tryGetBencodeDictionary(value, "info")?.size, 1);
    assertEquals(tryGetBencodeValue(value, ["info", "files", 1]), 7);
    // Zero and the empty string are there.
    assertEquals(getBencodeInteger([0], 0), 0);
    assertEquals(getBencodeText([new Uint8Array(0)], 0), "");
  },
});

Deno.test({
  name: "the try getters give undefined for what is missing or another type",
  permissions: "none",
  fn() {
    const all = [
      tryGetBencodeInteger,
      tryGetBencodeBytes,
      tryGetBencodeText,
      tryGetBencodeList,
      tryGetBencodeDictionary,
    ];
    const kinds: [string, number[]][] = [
      ["a.b", [0]],
      ["bigs", []],
      ["bytes", [1]],
      ["text", [1, 2]],
      ["info", [4]],
    ];
    for (const [key, fits] of kinds) {
      all.forEach((get, i) => {
        const found = get(value, key) !== undefined;
        assertEquals(found, fits.includes(i), `${get.name} ${key}`);
      });
    }
    for (const get of [...all, tryGetBencodeValue]) {
      for (
        const path of [
          "none",
          0,
          ["info", 0],
          ["info", "files", 2],
          [
            "info",
            "files",
            "0",
          ],
          ["a.b", "x"],
          ["constructor"],
          ["info", "files", "length"],
        ]
      ) assertEquals(get(value, path), undefined);
    }
  },
});

Deno.test({
  name: "BencodeTypeError names the field that is missing or of a wrong type",
  permissions: "none",
  fn() {
    const cases: [
      Getter,
      BencodePath,
      BencodeTypeErrorCode,
      string,
      string,
    ][] = [
      [
        getBencodeInteger,
        ["info", "files", 0, "size"],
        "missing",
        "info.files[0].size",
        "Field info.files[0].size is missing: expected an integer of at most 2^53 - 1",
      ],
      [
        getBencodeText,
        ["info", "files", 0, "length"],
        "wrong-type",
        "info.files[0].length",
        "Field info.files[0].length is an integer: expected UTF-8 text",
      ],
      [
        getBencodeInteger,
        "bigs",
        "wrong-type",
        "bigs",
        "Field bigs is an integer beyond 2^53 - 1: expected an integer of at most 2^53 - 1",
      ],
      [
        getBencodeText,
        "bytes",
        "wrong-type",
        "bytes",
        "Field bytes is a byte string that is not UTF-8: expected UTF-8 text",
      ],
      [
        getBencodeList,
        "info",
        "wrong-type",
        "info",
        "Field info is a dictionary: expected a list",
      ],
      [
        getBencodeDictionary,
        ["info", "files"],
        "wrong-type",
        "info.files",
        "Field info.files is a list: expected a dictionary",
      ],
      [
        getBencodeBytes,
        ["info", "files", 9],
        "missing",
        "info.files[9]",
        "Field info.files[9] is missing: expected a byte string",
      ],
      // The first step that fails is to blame.
      [
        getBencodeInteger,
        ["info", "meta", 3],
        "missing",
        "info.meta",
        "Field info.meta is missing: expected a list",
      ],
      [
        getBencodeValue,
        ["none", "x"],
        "missing",
        "none",
        "Field none is missing: expected a dictionary",
      ],
      [
        getBencodeBytes,
        ["text", "x"],
        "wrong-type",
        "text",
        "Field text is a byte string: expected a dictionary",
      ],
      [
        getBencodeBytes,
        0,
        "wrong-type",
        "",
        "The value is a dictionary: expected a list",
      ],
      [
        getBencodeList,
        [],
        "wrong-type",
        "",
        "The value is a dictionary: expected a list",
      ],
    ];
    for (const [get, path, code, where, message] of cases) {
      const error = assertThrows(() => get(value, path), BencodeTypeError);
      assert(error instanceof TypeError);
      assertEquals(
        [error.name, error.code, error.path, error.message],
        ["BencodeTypeError", code, where, message],
      );
    }
  },
});

Deno.test({
  name: "BencodeTypeError continues the path of the context, safe to print",
  permissions: "none",
  fn() {
    const path = (get: Getter, at: BencodePath, context?: string) =>
      assertThrows(() => get(value, at, context), BencodeTypeError).path;
    assertEquals(path(getBencodeText, "x", "info.files[3]"), "info.files[3].x");
    assertEquals(path(getBencodeText, 3, "list"), "list");
    assertEquals(path(getBencodeList, [], "root"), "root");
    assertEquals(path(getBencodeText, "piece length"), "piece length");
    assertEquals(path(getBencodeText, "a.b"), '["a.b"]');
    assertEquals(
      path(getBencodeText, '\x1b[2J"\xff', "r"),
      'r["\\u001b[2J\\u0022\\u00ff"]',
    );
    assertEquals(path(getBencodeText, "k".repeat(90)).length, 71);
  },
});

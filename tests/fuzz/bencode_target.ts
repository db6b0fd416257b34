/** Fuzzes everything of bencode/ that reads bytes. */
import { equalBytes } from "../../_shared/bytes.ts";
import {
  bencodeSpan,
  BencodeSyntaxError,
  type BencodeValue,
  decodeBencode,
  decodeBencodePrefix,
  encodeBencode,
  IncrementalBencodeDecoder,
  tryDecodeBencode,
} from "../../bencode/mod.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const MAX_DEPTH = 100;

function check(condition: boolean, law: string): asserts condition {
  if (!condition) throw new Error(`Broken law: ${law}`);
}

/** Runs a reader: its value, or the typed error. */
function attempt<T>(read: () => T): T | BencodeSyntaxError {
  try {
    return read();
  } catch (error) {
    if (error instanceof BencodeSyntaxError) return error;
    throw error;
  }
}

/** Reads the first value in pieces. */
function readInPieces(
  input: Uint8Array,
  step: number,
): BencodeValue | BencodeSyntaxError {
  return attempt(() => {
    const decoder = new IncrementalBencodeDecoder({ mode: "lenient" });
    for (let i = 0; i < input.length; i += step) {
      const values = decoder.push(input.subarray(i, i + step));
      if (values.length > 0) return values[0]!;
    }
    decoder.finish();
    return new BencodeSyntaxError("unexpected-end", 0);
  });
}

function run(input: Uint8Array): void {
  const strict = attempt(() => decodeBencode(input));
  const lenient = tryDecodeBencode(input, { mode: "lenient" });
  const prefix = attempt(() => decodeBencodePrefix(input, { mode: "lenient" }));
  const span = attempt(() => bencodeSpan(input, [], { maxDepth: MAX_DEPTH }));
  const inPieces = readInPieces(input, 1 + input.length % 7);

  if (strict instanceof BencodeSyntaxError) {
    check(
      strict.offset >= 0 && strict.offset <= input.length,
      "the offset is inside the input",
    );
  } else {
    check(
      equalBytes(encodeBencode(strict), input),
      "canonical input is encoded back to the same bytes",
    );
    check(lenient !== undefined, "the lenient mode takes what the strict does");
  }
  if (prefix instanceof BencodeSyntaxError) {
    check(lenient === undefined, "whole input has a prefix");
    check(
      span instanceof BencodeSyntaxError && span.code === prefix.code &&
        span.offset === prefix.offset,
      "decoder and scanner find the same fault",
    );
    check(
      inPieces instanceof BencodeSyntaxError,
      "what cannot be read whole cannot be read in pieces",
    );
    return;
  }
  check(lenient !== undefined, "trailing bytes pass in the lenient mode");
  check(
    span !== undefined && !(span instanceof BencodeSyntaxError) &&
      span.start === 0 && span.end === prefix.length,
    "decoder and scanner find the same end",
  );
  check(
    !(inPieces instanceof BencodeSyntaxError),
    "what can be read whole can be read in pieces",
  );
  const canonical = encodeBencode(prefix.value);
  check(
    equalBytes(canonical, encodeBencode(decodeBencode(canonical))),
    "what was encoded is canonical",
  );
  check(
    equalBytes(canonical, encodeBencode(inPieces)),
    "values read in pieces are those read whole",
  );
  if (prefix.value instanceof Map) checkFields(input, prefix.value);
}

/** The span of a field and the decoded field are the same. */
function checkFields(
  input: Uint8Array,
  value: ReadonlyMap<string, BencodeValue>,
): void {
  let left = 3;
  for (const [key, field] of value) {
    if (left-- === 0) return;
    const span = bencodeSpan(input, [key]);
    check(span !== undefined, "every key has a span");
    const again = decodeBencode(input.subarray(span.start, span.end), {
      mode: "lenient",
    });
    check(
      equalBytes(encodeBencode(again), encodeBencode(field)),
      "the span of a field holds its value",
    );
  }
}

const TEXTS = [
  "i0e",
  "i-9007199254740993e",
  "4:spam",
  "le",
  "d4:spaml1:a1:bee",
  "l4:spami42ed3:key5:valueelleee",
  "d8:announce23:http://tracker.example/13:creation datei1700000000e4:infod5:filesld6:lengthi5e4:pathl1:a1:beed6:lengthi0e4:pathl1:ceee4:name4:root12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaa7:privatei1eee",
  "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe",
  "d8:msg_typei1e5:piecei0e10:total_sizei34256eexxxxxxxx",
  "d1:bi1e1:ai02e1:ai-0ee trailing",
];

/** The target. */
export const fuzzTarget: FuzzTarget = {
  name: "bencode",
  seeds: () => TEXTS.map((text) => new TextEncoder().encode(text)),
  run,
};

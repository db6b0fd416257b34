/**
 * Text that is safe to show: names come from strangers and terminals obey
 * escape sequences.
 *
 * @module
 */

/**
 * Control characters, bidirectional controls, invisible characters, line
 * separators, lone surrogates, tags and private use.
 */
const UNSAFE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029\u115f\u1160\u3164\uffa0]/gu;

/**
 * Makes a string harmless on a terminal: whatever is invisible, moves the
 * cursor or reorders text is written as an escape.
 *
 * @param text Any text.
 * @returns One line of visible characters.
 */
export function safeText(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.codePointAt(0)!;
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, "0")}`
      : `\\u{${code.toString(16)}}`;
  });
}

/**
 * Formats a value as one line of JSON that is harmless on a terminal and means
 * the same to a parser.
 *
 * @param value A JSON value.
 * @param indent Spaces a level, for documents. @default {0}
 * @returns JSON text without a newline at the end.
 */
export function safeJson(value: unknown, indent = 0): string {
  const text = JSON.stringify(value, undefined, indent);
  return text.replace(
    /[\x7f-\x9f]|[\p{Cf}\p{Cs}\p{Co}\u2028\u2029\u115f\u1160\u3164\uffa0]/gu,
    (char) => {
      let escaped = "";
      for (let i = 0; i < char.length; i++) {
        escaped += `\\u${char.charCodeAt(i).toString(16).padStart(4, "0")}`;
      }
      return escaped;
    },
  );
}

/**
 * Counts things.
 *
 * @param count How many.
 * @param noun What one is called; an `s` makes more of them.
 * @returns Such as `1 file`, `2 files`.
 */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * Writes ascending numbers as `1-3, 7`.
 *
 * @param numbers The numbers.
 * @returns Their ranges; long lists are cut.
 */
export function rangesOf(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < numbers.length;) {
    let end = i;
    while (numbers[end + 1] === numbers[end]! + 1) end++;
    parts.push(i === end ? `${numbers[i]}` : `${numbers[i]}-${numbers[end]}`);
    i = end + 1;
    if (parts.length === 20 && i < numbers.length) {
      parts.push("...");
      break;
    }
  }
  return parts.join(", ");
}

/** Stand-in for `@std/cli/unicode-width`. */

/** Ranges of code points that take two columns, first and last in turn. */
const WIDE = [
  0x1100,
  0x115f,
  0x231a,
  0x231b,
  0x23e9,
  0x23ec,
  0x25fd,
  0x25fe,
  0x2614,
  0x2615,
  0x2648,
  0x2653,
  0x26ce,
  0x26ce,
  0x2705,
  0x2705,
  0x2728,
  0x2728,
  0x2753,
  0x2755,
  0x2795,
  0x2797,
  0x2e80,
  0x303e,
  0x3041,
  0xa4cf,
  0xa960,
  0xa97c,
  0xac00,
  0xd7a3,
  0xf900,
  0xfaff,
  0xfe30,
  0xfe6b,
  0xff01,
  0xff60,
  0xffe0,
  0xffe6,
  0x1f300,
  0x1f320,
  0x1f32d,
  0x1f393,
  0x1f3e0,
  0x1f3f0,
  0x1f400,
  0x1f4fc,
  0x1f4ff,
  0x1f53d,
  0x1f600,
  0x1f64f,
  0x1f680,
  0x1f6c5,
  0x1f900,
  0x1f9ff,
  0x20000,
  0x3fffd,
];
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}]$/u;

export function unicodeWidth(str: string): number {
  let width = 0;
  for (const char of str) {
    const code = char.codePointAt(0)!;
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) continue;
    if (code < 0x300) {
      width += code === 0xad ? 0 : 1;
      continue;
    }
    if (ZERO.test(char)) continue;
    let wide = false;
    for (let i = 0; i < WIDE.length && !wide; i += 2) {
      wide = code >= WIDE[i]! && code <= WIDE[i + 1]!;
    }
    width += wide ? 2 : 1;
  }
  return width;
}

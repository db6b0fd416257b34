/**
 * Paths into values, as error messages show them.
 *
 * @module
 */
const PLAIN_KEY = /^[A-Za-z0-9_ -]{1,64}$/;

/**
 * Formats a path such as `info.files[3].length`. Keys that are not plain text
 * are quoted and escaped, so that the result is safe to print.
 *
 * @param path Keys and list indices.
 * @param context The path of the value that `path` starts from.
 * @returns The formatted path.
 */
export function formatBencodePath(
  path: readonly (string | number)[],
  context = "",
): string {
  let text = context;
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (PLAIN_KEY.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${quote(step)}]`;
  }
  return text;
}

function quote(key: string): string {
  const shown = key.slice(0, 64).replace(
    /[^\x20-\x7e]|["\\]/g,
    (character) =>
      `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return key.length > 64 ? `"${shown}"...` : `"${shown}"`;
}

/** Stand-in for the parts of `@std/assert` that tests and examples use. */

export class AssertionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}
const sameValueZero = (a: unknown, b: unknown): boolean =>
  a === b || (a !== a && b !== b);
function same(a: unknown, b: unknown, seen: Map<unknown, unknown>): boolean {
  if (sameValueZero(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return false;
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date) return a.getTime() === (b as Date).getTime();
  if (a instanceof RegExp) return String(a) === String(b);
  if (ArrayBuffer.isView(a) && !(a instanceof DataView)) {
    const [x, y] = [a, b] as unknown as [Uint8Array, Uint8Array];
    if (x.length !== y.length) return false;
    for (let i = 0; i < x.length; i++) {
      if (!sameValueZero(x[i], y[i])) return false;
    }
    return true;
  }
  if (a instanceof Map || a instanceof Set) {
    const other = b as Map<unknown, unknown> | Set<unknown>;
    if (a.size !== other.size) return false;
    const rest = [...other];
    for (const entry of a) {
      const i = rest.findIndex((candidate) => same(entry, candidate, seen));
      if (i < 0) return false;
      rest.splice(i, 1);
    }
    return true;
  }
  if (a instanceof Error && a.message !== (b as Error).message) return false;
  const keys = new Set([...Reflect.ownKeys(a), ...Reflect.ownKeys(b)]);
  for (const key of keys) {
    const [x, y] = [a, b] as unknown as Record<PropertyKey, unknown>[];
    if (!(key in x!) || !(key in y!)) return false;
    if (!same(x![key], y![key], seen)) return false;
  }
  return true;
}
const show = (value: unknown): string =>
  Deno.inspect(value, { depth: 6, iterableLimit: 60, strAbbreviateSize: 400 });
const because = (msg: string | undefined) =>
  msg === undefined ? "" : `: ${msg}`;

export function equal(a: unknown, b: unknown): boolean {
  return same(a, b, new Map());
}
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${because(msg)}`);
}
export function unreachable(msg?: string): never {
  throw new AssertionError(`Unreachable${because(msg)}`);
}
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}
type Falsy = false | 0 | 0n | "" | null | undefined;
export function assertFalse(expr: unknown, msg = ""): asserts expr is Falsy {
  if (expr) throw new AssertionError(msg);
}
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) {
    throw new AssertionError(`Expected a value${because(msg)}`);
  }
}
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) {
    throw new AssertionError(
      `Values are not equal${because(msg)}\n    actual:   ${
        show(actual)
      }\n    expected: ${show(expected)}`,
    );
  }
}
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) {
    throw new AssertionError(
      `Values are equal${because(msg)}: ${show(actual)}`,
    );
  }
}
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (!Object.is(actual, expected)) {
    throw new AssertionError(
      `Values are not the same${because(msg)}\n    actual:   ${
        show(actual)
      }\n    expected: ${show(expected)}`,
    );
  }
}
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) {
    throw new AssertionError(
      `Expected ${show(actual)} > ${show(expected)}${because(msg)}`,
    );
  }
}
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (!(actual >= expected)) {
    throw new AssertionError(
      `Expected ${show(actual)} >= ${show(expected)}${because(msg)}`,
    );
  }
}
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) {
    throw new AssertionError(
      `Expected ${show(actual)} < ${show(expected)}${because(msg)}`,
    );
  }
}
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (!(actual <= expected)) {
    throw new AssertionError(
      `Expected ${show(actual)} <= ${show(expected)}${because(msg)}`,
    );
  }
}
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (!actual.includes(expected)) {
    throw new AssertionError(
      `Expected ${show(actual)} to contain ${show(expected)}${because(msg)}`,
    );
  }
}
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (!expected.test(actual)) {
    throw new AssertionError(
      `Expected ${show(actual)} to match ${expected}${because(msg)}`,
    );
  }
}
// deno-lint-ignore no-explicit-any
type Constructor<T> = abstract new (...args: any[]) => T;
export function assertInstanceOf<
  // deno-lint-ignore no-explicit-any
  T extends abstract new (...args: any[]) => any,
>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (!(actual instanceof expectedType)) {
    throw new AssertionError(
      `Expected an instance of ${expectedType.name}, not ${show(actual)}${
        because(msg || undefined)
      }`,
    );
  }
}
type ThrownArguments = [
  errorClassOrMsg?: Constructor<Error> | string,
  msgIncludes?: string,
  msg?: string,
];
const suffix = ([first, , last]: ThrownArguments): string =>
  because(typeof first === "string" ? first : last);
/** Checks what was thrown; without a class anything will do. */
function checkThrown(error: unknown, rest: ThrownArguments): unknown {
  const [errorClass, msgIncludes] = rest;
  if (typeof errorClass !== "function") return error;
  if (!(error instanceof errorClass)) {
    throw new AssertionError(
      `Expected a thrown ${errorClass.name}, not ${show(error)}${suffix(rest)}`,
    );
  }
  if (msgIncludes !== undefined && !error.message.includes(msgIncludes)) {
    throw new AssertionError(
      `Expected an error message with ${show(msgIncludes)}, not ${
        show(error.message)
      }${suffix(rest)}`,
    );
  }
  return error;
}
export function assertThrows(fn: () => unknown, msg?: string): unknown;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: Constructor<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  ...rest: ThrownArguments
): unknown {
  try {
    fn();
  } catch (error) {
    return checkThrown(error, rest);
  }
  throw new AssertionError(`Expected function to throw${suffix(rest)}`);
}
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: Constructor<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  ...rest: ThrownArguments
): Promise<unknown> {
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch {
    throw new AssertionError(
      `Function throws when expected to reject${suffix(rest)}`,
    );
  }
  try {
    await promise;
  } catch (error) {
    return checkThrown(error, rest);
  }
  throw new AssertionError(`Expected function to reject${suffix(rest)}`);
}

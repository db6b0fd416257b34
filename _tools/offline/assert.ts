/** Stand-in for the parts of `@std/assert` that tests and examples use. */

export class AssertionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "AssertionError";
  }
}
function same(a: unknown, b: unknown, seen: Map<unknown, unknown>): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return false;
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date) return a.getTime() === (b as Date).getTime();
  if (a instanceof RegExp) return String(a) === String(b);
  if (ArrayBuffer.isView(a) && !(a instanceof DataView)) {
    const [x, y] = [a, b] as unknown as [Uint8Array, Uint8Array];
    if (x.length !== y.length) return false;
    for (let i = 0; i < x.length; i++) if (!Object.is(x[i], y[i])) return false;
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
export function assertFalse(expr: unknown, msg = ""): void {
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
type AnyConstructor = new (...args: any[]) => any;
export function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  expectedType: T,
  msg?: string,
): asserts actual is InstanceType<T> {
  if (!(actual instanceof expectedType)) {
    throw new AssertionError(
      `Expected an instance of ${expectedType.name}, not ${show(actual)}${
        because(msg)
      }`,
    );
  }
}
// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;
function checkError<E extends Error>(
  error: unknown,
  errorClass: ErrorClass<E> | undefined,
  includes: string | undefined,
  msg: string | undefined,
): E {
  if (errorClass !== undefined && !(error instanceof errorClass)) {
    throw new AssertionError(
      `Expected a thrown ${errorClass.name}, not ${show(error)}${because(msg)}`,
    );
  }
  if (includes !== undefined && !(error as Error).message.includes(includes)) {
    throw new AssertionError(
      `Expected an error message with ${show(includes)}, not ${
        show((error as Error).message)
      }${because(msg)}`,
    );
  }
  return error as E;
}
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass?: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E {
  try {
    fn();
  } catch (error) {
    return checkError(error, errorClass, msgIncludes, msg);
  }
  throw new AssertionError(`Expected the function to throw${because(msg)}`);
}
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass?: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E> {
  try {
    await fn();
  } catch (error) {
    return checkError(error, errorClass, msgIncludes, msg);
  }
  throw new AssertionError(`Expected the function to reject${because(msg)}`);
}

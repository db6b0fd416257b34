/**
 * Lint rules that need not know where a file stands.
 *
 * @module
 */

/** Longest file, in lines. */
export const MAX_LINES = 500;

/** Global names that pure files never mention. */
const IMPURE_GLOBALS: ReadonlySet<string> = new Set([
  "Deno",
  "Date",
  "Temporal",
  "performance",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "crypto",
  "fetch",
  "console",
  "process",
  "Worker",
  "WebSocket",
  "globalThis",
  "window",
  "self",
  "localStorage",
  "navigator",
]);

/**
 * Tells uses of a name from keys, labels and declarations.
 *
 * @param node The identifier.
 * @returns Whether it is a use.
 */
export function isUse(node: Deno.lint.Identifier): boolean {
  const parent = node.parent as Deno.lint.Node & Record<string, unknown>;
  switch (parent.type as string) {
    case "MemberExpression":
      return parent.object === node || same(parent.object, node) ||
        parent.computed === true;
    case "Property":
    case "PropertyDefinition":
    case "MethodDefinition":
    case "AccessorProperty":
    case "TSAbstractPropertyDefinition":
    case "TSAbstractMethodDefinition":
      return !same(parent.key, node) || parent.computed === true ||
        parent.shorthand === true;
    case "TSPropertySignature":
    case "TSMethodSignature":
    case "TSQualifiedName":
    case "TSEnumMember":
      return same(parent.key, node) || same(parent.right, node) ||
          same(parent.id, node)
        ? parent.computed === true
        : true;
    case "ImportSpecifier":
    case "ImportDefaultSpecifier":
    case "ImportNamespaceSpecifier":
    case "ExportSpecifier":
    case "LabeledStatement":
    case "BreakStatement":
    case "ContinueStatement":
    case "MetaProperty":
      return false;
    default:
      return true;
  }
}

function same(a: unknown, b: Deno.lint.Node): boolean {
  if (a === b) return true;
  const range = (a as Deno.lint.Node | undefined)?.range;
  return range !== undefined && range[0] === b.range[0] &&
    range[1] === b.range[1];
}

/**
 * Finds what a pure file must not touch.
 *
 * @param context Where to report it.
 * @returns The visitor of a pure file.
 */
export function pureFile(
  context: Deno.lint.RuleContext,
): Deno.lint.LintVisitor {
  const imported = new Set<string>();
  return {
    ImportDeclaration(node) {
      for (const specifier of node.specifiers) {
        imported.add(specifier.local.name);
      }
    },
    Identifier(node) {
      if (!IMPURE_GLOBALS.has(node.name) || imported.has(node.name)) {
        return;
      }
      if (!isUse(node)) return;
      context.report({
        node,
        message: `A pure file cannot touch ${node.name}`,
        hint:
          "Take time, randomness and IO by parameter, or name the file as a driver in _tools/layers.ts",
      });
    },
    MemberExpression(node) {
      if (
        node.object.type === "Identifier" &&
        node.object.name === "Math" &&
        node.property.type === "Identifier" &&
        node.property.name === "random"
      ) {
        context.report({
          node,
          message: "A pure file cannot touch Math.random",
          hint: "Take a RandomSource by parameter",
        });
      }
    },
  };
}

/** Files are short. */
export const fileSize: Deno.lint.Rule = {
  create(context) {
    return {
      Program(node) {
        const text = context.sourceCode.text;
        const lines = text.split("\n").length -
          (text.endsWith("\n") ? 1 : 0);
        if (lines > MAX_LINES) {
          context.report({
            node,
            message:
              `A file cannot have more than ${MAX_LINES} lines: this one has ${lines}`,
            hint: "Cut it along a seam; aim under 350",
          });
        }
      },
    };
  },
};

/** Unions of strings in place of enums. */
export const noEnum: Deno.lint.Rule = {
  create(context) {
    return {
      TSEnumDeclaration: (node) =>
        context.report({
          node,
          message: "Enums are not used here: write a union of strings",
        }),
    };
  },
};

import { join, relative } from "node:path";
import type { Node, SourceFile } from "typescript/unstable/ast";
import { SyntaxKind } from "typescript/unstable/ast";
import { isClassDeclaration, isFunctionDeclaration, isVariableDeclaration } from "typescript/unstable/ast/is";
import { API, type Project, type Symbol as Sym, SymbolFlags } from "typescript/unstable/sync";

/** One name that a module gives its users. */
export interface ExportedSymbol {
  /** As users write it: "createManager", or "predicates.not" of a namespace. */
  readonly name: string;
  readonly kind: "class" | "constant" | "function" | "interface" | "type";
  /** Where it is declared, below the repository's root. */
  readonly file: string;
  /** Its docstring's lines without their stars; undefined: it has none. */
  readonly docstring: string | undefined;
  /** Its declaration without what is inside functions. */
  readonly declaration: string;
  /** Every type of this repository that the declaration mentions. */
  readonly mentions: readonly Mention[];
}

export interface Mention {
  readonly name: string;
  /** Where it is declared, below the repository's root. */
  readonly file: string;
  readonly declaration: string;
}

/** A generated module that is exported as one name: its contents are not listed. */
export interface ExportedModule {
  readonly name: string;
  readonly file: string;
  readonly size: number;
}

export interface ModuleExports {
  readonly symbols: readonly ExportedSymbol[];
  readonly modules: readonly ExportedModule[];
}

/**
 * What the modules export, as the compiler sees it: re-exports are followed, so it is exactly what an importer gets. Uses
 * the API that TypeScript 7 calls unstable; the compiler's version is fixed by the lock file.
 */
export function readExports(root: string, files: readonly string[]): ModuleExports[] {
  const api = new API({ cwd: root });
  try {
    const snapshot = api.updateSnapshot({ openProjects: [join(root, "tsconfig.build.json")] });
    const [project] = snapshot.getProjects();
    if (project === undefined) throw new Error("the compiler opened no project");
    return files.map((file) => moduleExports(project, root, join(root, file)));
  } finally {
    api.close();
  }
}

function moduleExports(project: Project, root: string, file: string): ModuleExports {
  const { program, checker } = project;
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${file} is no module of the project`);
  const symbols: ExportedSymbol[] = [];
  const modules: ExportedModule[] = [];
  for (const exported of checker.getExportsOfModule(module)) {
    const target = targetOf(project, exported);
    if ((target.flags & SymbolFlags.ValueModule) === 0) {
      symbols.push(...symbolOf(project, root, exported.name, target));
      continue;
    }
    const inner = checker.getExportsOfModule(target);
    const declared = relative(root, fileOf(declarationOf(project, target)));
    if (declared.endsWith(".generated.ts"))
      modules.push({ name: exported.name, file: declared, size: inner.length });
    else
      symbols.push(
        ...inner.flatMap((one) =>
          symbolOf(project, root, `${exported.name}.${one.name}`, targetOf(project, one)),
        ),
      );
  }
  const isAgain = ({ name, file }: ExportedSymbol) =>
    symbols.some((other) => other.file === file && name.endsWith(`.${other.name}`));
  return { symbols: symbols.filter((symbol) => !isAgain(symbol)), modules };
}

function targetOf({ checker }: Project, symbol: Sym): Sym {
  return (symbol.flags & SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol);
}

function declarationOf(project: Project, symbol: Sym): Node {
  const node = symbol.declarations[0]?.resolve(project);
  if (node === undefined) throw new Error(`${symbol.name} has no declaration`);
  return node;
}

function fileOf(node: Node): string {
  return node.getSourceFile().fileName;
}

function symbolOf(project: Project, root: string, name: string, target: Sym): ExportedSymbol[] {
  const node = declarationOf(project, target);
  const file = relative(root, fileOf(node));
  if (file.endsWith(".generated.ts")) return [];
  return [
    {
      name,
      kind: kindOf(node),
      file,
      docstring: docstringOf(node),
      declaration: declarationText(project, node),
      mentions: mentionsOf(project, root, node),
    },
  ];
}

function kindOf(node: Node): ExportedSymbol["kind"] {
  if (isClassDeclaration(node)) return "class";
  if (isFunctionDeclaration(node)) return "function";
  if (isVariableDeclaration(node)) return "constant";
  return node.kind === SyntaxKind.InterfaceDeclaration ? "interface" : "type";
}

/** The statement: of a constant, that is two levels up. */
function statementOf(node: Node): Node {
  return isVariableDeclaration(node) ? node.parent.parent : node;
}

/** The comment that touches the declaration; one above a blank line speaks of the file. */
function docstringOf(node: Node): string | undefined {
  const statement = statementOf(node);
  const source = statement.getSourceFile();
  const comment = statement.jsDoc?.at(-1);
  if (comment === undefined) return undefined;
  const between = source.text.slice(comment.end, statement.getStart(source));
  if (/\n\s*\n/.test(between)) return undefined;
  return source.text
    .slice(comment.pos, comment.end)
    .trim()
    .replace(/^\/\*\*\s*|\s*\*\/$/g, "")
    .replace(/^[ \t]*\* ?/gm, "")
    .trim();
}

function declarationText(project: Project, node: Node): string {
  const source = node.getSourceFile();
  const text = (from: Node, end = from.end) => source.text.slice(from.getStart(source), end);
  if (isVariableDeclaration(node)) {
    const type = project.checker.getTypeAtLocation(node.name);
    const written = type === undefined ? "unknown" : project.checker.typeToString(type, node);
    return `const ${node.name.getText(source)}: ${written};`;
  }
  if (isFunctionDeclaration(node)) return bare(`${text(node, node.body?.pos)};`);
  if (!isClassDeclaration(node)) return bare(text(node));
  const head = source.text.slice(node.getStart(source), node.members.pos);
  const members = node.members.flatMap((member) => memberText(member, source));
  return bare([head, ...members, "}"].join("\n"));
}

/** A class's member as a user sees it; nothing of what is private. */
function memberText(member: Node, source: SourceFile): string[] {
  const start = member.getStart(source);
  const written = source.text.slice(start, member.end);
  if (/^(private|protected)\b|^(override |readonly |static |async )*#/.test(written)) return [];
  const { body, initializer } = member as { body?: Node; initializer?: Node };
  const end = body?.pos ?? initializer?.pos ?? member.end;
  const comment = member.jsDoc?.at(-1);
  const above = comment === undefined ? "" : `  ${source.text.slice(comment.pos, comment.end).trim()}\n`;
  const signature = source.text
    .slice(start, end)
    .replace(/\s*=?\s*$/, "")
    .replace(/;$/, "")
    .replace(/^(async|override) /, "");
  return [`${above}  ${signature};`];
}

function bare(text: string): string {
  return text
    .replace(/^export (declare )?/, "")
    .replace(/^async /, "")
    .replace(/\s+;$/, ";")
    .replace(/^class ([\s\S]*?)\{\s*\n/, "class $1{\n");
}

/** Types of this repository that the declaration names, without its own type parameters. */
function mentionsOf(project: Project, root: string, node: Node): Mention[] {
  const found = new Map<string, Mention>();
  const visit = (at: Node): undefined => {
    const { body } = at as { body?: Node };
    if (at.kind === SyntaxKind.TypeReference || at.kind === SyntaxKind.ExpressionWithTypeArguments) {
      // Both kinds of node say in a member of their own which type it is.
      const { typeName, expression } = at as { typeName?: Node; expression?: Node };
      const name = typeName ?? expression;
      const symbol = name && project.checker.getSymbolAtLocation(name);
      const target = symbol && targetOf(project, symbol);
      const declared = target?.declarations[0]?.resolve(project);
      if (target !== undefined && declared !== undefined && isOfThisTree(declared, root))
        found.set(target.name, {
          name: target.name,
          file: relative(root, fileOf(declared)),
          declaration: declarationText(project, declared),
        });
    }
    at.forEachChild((child) => {
      if (child !== body) visit(child);
      return undefined;
    });
    return undefined;
  };
  visit(node);
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isOfThisTree(declared: Node, root: string): boolean {
  const file = relative(root, fileOf(declared));
  return declared.kind !== SyntaxKind.TypeParameter && file.startsWith("src/");
}

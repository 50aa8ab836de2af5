// Loads what a runner would translate: TypeScript and JSX by what is installed, and names without a suffix.
import { existsSync, readFileSync, statSync } from 'node:fs';
import * as modules from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const suffixes = ['.ts', '.tsx', '.mts', '.js', '.jsx', '.mjs', '.cjs', '.json'];
const foreign = /\.(?:ts|tsx|mts|jsx)$/;
const unknown = 'ERR_UNKNOWN_FILE_EXTENSION';
let folder = '';

export function initialize(data) {
  folder = data.folder;
}

function isFile(path) {
  return existsSync(path) && statSync(path).isFile();
}

function found(path) {
  const bare = path.replace(/\.([mc]?)jsx?$/, '');
  const other = bare === path ? [] : ['.ts', '.tsx', '.mts', '.cts'].map((suffix) => bare + suffix);
  const tries = [...other, ...suffixes.map((suffix) => path + suffix), ...suffixes.map((suffix) => `${path}/index${suffix}`)];
  return tries.find(isFile);
}

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    const near = /^(?:\.\.?(?:\/|$)|\/|file:)/.test(specifier);
    if (!near || !context.parentURL?.startsWith('file:')) throw error;
    const path = found(fileURLToPath(new URL(specifier, context.parentURL)));
    if (path === undefined) throw error;
    return next(pathToFileURL(path).href, context);
  }
}

function installed(name) {
  const from = [folder];
  for (const by of ['vitest', 'vite', 'tsx', 'ts-node']) {
    try {
      from.push(modules.createRequire(`${folder}/`).resolve(by));
    } catch { /* It is not installed. */ }
  }
  for (const one of from) {
    try {
      return modules.createRequire(one === folder ? `${folder}/` : one).resolve(name);
    } catch { /* The next may have it. */ }
  }
  return undefined;
}

async function translate(text, path) {
  const plain = !/\.[tj]sx$/.test(path);
  if (plain && modules.stripTypeScriptTypes) return modules.stripTypeScriptTypes(text, { mode: 'transform' });
  const esbuild = installed('esbuild');
  if (esbuild) {
    const loader = path.endsWith('x') ? path.slice(-3).replace('.', '') : 'ts';
    return (await import(pathToFileURL(esbuild).href)).transformSync(text, { loader, format: 'esm', jsx: 'automatic' }).code;
  }
  const vite = installed('vite');
  if (vite) {
    const { transformWithOxc, transformWithEsbuild } = await import(pathToFileURL(vite).href);
    return (await (transformWithOxc ?? transformWithEsbuild)(text, path)).code;
  }
  const typescript = installed('typescript');
  const { default: compiler } = typescript ? await import(pathToFileURL(typescript).href) : {};
  if (compiler?.transpileModule) {
    return compiler.transpileModule(text, { fileName: path, compilerOptions: { module: 'esnext', target: 'es2022', jsx: 'react-jsx' } }).outputText;
  }
  throw Object.assign(new Error('there is no way to run TypeScript without its runner'), { code: unknown });
}

async function translated(text, path) {
  try {
    return await translate(text, path);
  } catch (error) {
    if (error.code === unknown) throw error;
    throw new SyntaxError(error.message);
  }
}

export async function load(url, context, next) {
  if (!url.startsWith('file:') || url.includes('/node_modules/')) return next(url, context);
  const path = fileURLToPath(url);
  if (!foreign.test(path) && !/\.[mc]?js$/.test(path)) return next(url, context);
  const text = readFileSync(path, 'utf8');
  if (text.includes('import.meta.glob')) {
    throw Object.assign(new Error('it asks its bundler for files'), { code: 'ERR_UNKNOWN_MODULE_FORMAT' });
  }
  const asked = text.includes('import.meta.env') ? 'import.meta.env ??= { MODE: "development", DEV: true, PROD: false, SSR: true, BASE_URL: "/" };' : '';
  if (foreign.test(path)) return { format: 'module', shortCircuit: true, source: asked + (await translated(text, path)) };
  return asked ? { format: 'module', shortCircuit: true, source: asked + text } : next(url, context);
}

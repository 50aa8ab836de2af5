// What files declare, how it is called, and how each ended. The titles that it knows are those of the form.

const limitMs = 20000;
const notLoaded = /^(?:MODULE_NOT_FOUND|ERR_(?:MODULE_NOT_FOUND|REQUIRE_\w+|UNKNOWN_(?:FILE_EXTENSION|MODULE_FORMAT|BUILTIN_MODULE)|UNSUPPORTED_\w+|IMPORT_\w+|PACKAGE_\w+|INVALID_(?:MODULE|PACKAGE)\w*|NO_\w+|AMBIGUOUS_MODULE_SYNTAX|INVALID_TYPESCRIPT_SYNTAX))$/;
const ofOtherModules = /^(?:require|module|exports|__dirname|__filename|React) is not defined|^Vitest failed to access its internal state|^Do not import `@jest\//;

const newGroup = (title, above, flags) => ({ title, above, flags, parts: [], before: [], after: [], beforeEach: [], afterEach: [], bound: Object.create(above ? above.bound : null) });
let group = newGroup('', null, {});
let waiting = [];
let failing = null;
const patience = setTimeout;

function split(given) {
  const named = typeof given[0] === 'function' && typeof given[1] !== 'function' ? [given[0].name, ...given] : [...given];
  const title = typeof named[0] === 'function' ? named[0].name : String(named[0]);
  const body = named.slice(1).find((one) => typeof one === 'function');
  const options = named.slice(1).find((one) => one !== null && typeof one === 'object') ?? {};
  return { title, body, options };
}

function declared(flags, given, row) {
  const { title, body, options } = split(given);
  const own = { ...flags };
  if (options.skip || options.todo || (!body && !flags.failing)) own.skip = true;
  if (options.fails) own.failing = true;
  group.parts.push({ title, body, flags: own, row, above: group });
  return Promise.resolve();
}

function grouped(flags, given, row) {
  const { title, body, options } = split(given);
  const outer = group;
  const skip = flags.skip || options.skip || options.todo || !body || outer.flags.skip;
  const inner = newGroup(title, outer, { ...flags, skip });
  outer.parts.push(inner);
  if (!body) return Promise.resolve();
  group = inner;
  try {
    const ended = body.apply(mochaOf(inner.bound), row ?? []);
    if (ended && typeof ended.then === 'function') waiting.push(ended);
  } finally {
    group = outer;
  }
  return Promise.resolve();
}

function titled(title, row, at) {
  let next = 0;
  const { format, inspect } = require('node:util');
  const plain = title.replace(/%([sdifjoOp#$%])/g, (whole, kind) => {
    if (kind === '%') return '%';
    if (kind === '#') return String(at);
    if (kind === '$') return String(at + 1);
    if (next >= row.length) return whole;
    const value = row[next++];
    return kind === 'p' ? inspect(value) : format(whole, value);
  });
  if (row.length !== 1 || row[0] === null || typeof row[0] !== 'object') return plain;
  return plain.replace(/\$([\w.]+)/g, (whole, path) => {
    const [found] = walked(row[0], path);
    return found === undefined ? whole : typeof found === 'string' ? found : inspect(found);
  });
}

function rowsOf(table, values) {
  if (!table || !table.raw) return [...table].map((row) => (Array.isArray(row) ? row : [row]));
  const names = table[0].split('\n').map((line) => line.trim()).find(Boolean).split('|').map((name) => name.trim());
  const rows = [];
  for (let at = 0; at < values.length; at += names.length) rows.push([Object.fromEntries(names.map((name, place) => [name, values[at + place]]))]);
  return rows;
}

function declaring(how, flags) {
  const made = (...given) => how(flags, given);
  const each = (whole) => (table, ...values) => (...given) => rowsOf(table, values).forEach((row, at) => {
    const { title, body } = split(given);
    how(flags, [titled(title, row, at), body], whole && !table.raw && [...table].every(Array.isArray) ? [row] : row);
  });
  made.each = each(false);
  made.for = each(true);
  return new Proxy(made, {
    get: (target, name) => {
      if (name in target || typeof name === 'symbol') return target[name];
      if (name === 'skip' || name === 'todo') return declaring(how, { ...flags, skip: true });
      if (['only', 'concurrent', 'sequential', 'serial'].includes(name)) return declaring(how, flags);
      if (name === 'skipIf') return (one) => (one ? declaring(how, { ...flags, skip: true }) : made);
      if (name === 'runIf') return (one) => (one ? made : declaring(how, { ...flags, skip: true }));
      if (name === 'fails' || name === 'failing') return declaring(how, { ...flags, failing: true });
      if (name in library) return library[name];
      return () => { throw new Unsupported(`it uses test.${String(name)}`); };
    },
  });
}

const hook = (kind) => (...given) => { group[kind].push(given.find((one) => typeof one === 'function')); };
const nothing = new Proxy(() => nothing, { get: () => nothing });
const leave = () => { throw new Skipped(''); };

Object.assign(library, {
  before: hook('before'), after: hook('after'), beforeAll: hook('before'), afterAll: hook('after'),
  setup: hook('beforeEach'), teardown: hook('afterEach'), suiteSetup: hook('before'), suiteTeardown: hook('after'),
  beforeEach: hook('beforeEach'), afterEach: hook('afterEach'),
  describe: declaring(grouped, {}), suite: declaring(grouped, {}), context: declaring(grouped, {}), fdescribe: declaring(grouped, {}),
  xdescribe: declaring(grouped, { skip: true }), xcontext: declaring(grouped, { skip: true }),
  it: declaring(declared, {}), specify: declaring(declared, {}), fit: declaring(declared, {}),
  xit: declaring(declared, { skip: true }), xtest: declaring(declared, { skip: true }), xspecify: declaring(declared, { skip: true }),
  vi: doubles, vitest: doubles, jest: doubles, expectTypeOf: nothing, assertType: nothing,
  mock: doublesOfNode([]),
});
library.test = declaring(declared, {});
library.default = library.test;

function mochaOf(bound) {
  for (const name of ['timeout', 'slow', 'retries']) bound[name] = () => bound;
  bound.skip = leave;
  return bound;
}

function contextOf(part, path, besides) {
  const known = {
    name: part.title, expect: library.expect, assert: require('node:assert'), skip: leave, todo: leave, diagnostic: () => undefined,
    signal: new AbortController().signal, plan: () => undefined, task: { name: part.title },
    after: (last) => { besides.ending.push(last); }, onTestFinished: (last) => { besides.ending.push(last); },
    beforeEach: (first) => { besides.first.push(first); }, afterEach: (last) => { besides.last.push(last); },
    test: (...given) => {
      const { title, body, options } = split(given);
      const inner = { title, body, flags: { skip: options.skip || options.todo }, above: part.above, within: besides };
      besides.running = besides.running.then(() => played(inner, path));
      return besides.running;
    },
  };
  known.it = known.test;
  known.mock = doublesOfNode(besides.ending);
  return onlyKnown(known, 'the context of a test');
}

function called(body, bound, given) {
  if (!state.ends || body.length <= given.length) return body.apply(bound, given);
  return new Promise((well, badly) => {
    const done = (error) => (error ? badly(error instanceof Error ? error : new Error(String(error))) : well());
    done.fail = badly;
    Promise.resolve(body.apply(bound, [...given, done])).catch(badly);
  });
}

const above = (part, kind) => {
  const found = [];
  for (let one = part.above; one; one = one.above) found.push(kind === 'beforeEach' ? [...one[kind]].reverse() : one[kind]);
  return kind === 'beforeEach' ? found.flat().reverse() : found.flat();
};

async function once(part, path, besides) {
  if (part.flags.failing) throw new Unsupported('it is expected to fail');
  if (part.flags.skip || part.above.flags.skip) throw new Skipped('');
  const bound = mochaOf(Object.create(part.above.bound));
  const context = contextOf(part, path, besides);
  const usual = state.context ? [context] : [];
  beginCounting();
  try {
    for (const first of part.within ? part.within.first : above(part, 'beforeEach')) await called(first, bound, usual);
    await called(part.body, bound, part.row ?? usual);
    await besides.running;
    endCounting();
  } finally {
    for (const last of [...besides.ending].reverse()) await last(context);
    for (const last of part.within ? part.within.last : above(part, 'afterEach')) await called(last, bound, usual);
  }
}

async function played(part, outer, broken) {
  const path = [...outer, part.title];
  const besides = { running: Promise.resolve(), ending: [], first: [], last: [] };
  let timer;
  const late = new Promise((_, badly) => {
    failing = badly;
    timer = patience(() => badly(new Error('it did not end in time')), limitMs);
  });
  let ended = ['passed', ''];
  try {
    if (broken) throw broken;
    await Promise.race([once(part, path, besides), late]);
  } catch (error) {
    ended = endingOf(error, false);
  }
  clearTimeout(timer);
  tell(path, ...ended);
}

function endingOf(error, loading) {
  const first = told(error).trim().split('\n')[0];
  if (error instanceof Unsupported) return ['unsupported', error.message];
  if (error instanceof Skipped) return ['skipped', ''];
  const name = error && typeof error === 'object' ? String(error.name) : typeof error;
  const unloaded = notLoaded.test(String(error?.code ?? '')) || ofOtherModules.test(first);
  if (unloaded || (loading && error instanceof SyntaxError)) return ['unsupported', `it cannot be loaded without its runner (${name}: ${first})`];
  return ['failed', `${name}: ${first}`];
}

const state = { file: '', results: '', context: false, ends: false };

function tell(path, outcome, why) {
  const line = JSON.stringify({ file: state.file, test: path.join('\u001f'), outcome, why: why.slice(0, 300) });
  require('node:fs').appendFileSync(state.results, `${line}\n`);
}

async function hooks(one, kind) {
  const bound = mochaOf(one.bound);
  for (const each of one[kind]) await called(each, bound, state.context ? [{}] : []);
}

async function whole(one, path, broken) {
  let why = broken;
  const runs = !one.flags.skip;
  try { if (!why && runs) await hooks(one, 'before'); } catch (error) { why = error; }
  for (const part of one.parts) {
    if (part.parts) await whole(part, [...path, part.title], why);
    else await played(part, path, why);
  }
  try { if (runs) await hooks(one, 'after'); } catch { /* It concerns no test. */ }
}

function taken() {
  const found = group;
  group = newGroup('', null, {});
  return found;
}

async function alone(plan) {
  const stays = setInterval(() => undefined, 1000);
  for (const kind of ['uncaughtException', 'unhandledRejection']) process.on(kind, (error) => { if (failing) failing(error); });
  Object.assign(state, { results: plan.results, context: plan.context, ends: plan.ends });
  for (const one of plan.files) {
    state.file = one.told;
    try {
      await import(require('node:url').pathToFileURL(one.shown).href);
      await Promise.all(waiting);
    } catch (error) {
      tell([], ...endingOf(error, true));
      taken();
      continue;
    }
    await whole(taken(), []);
  }
  clearInterval(stays);
  process.exit(0);
}

function handed(one, path, real) {
  const { describe, it } = real;
  (real.before ?? real.beforeAll)(() => hooks(one, 'before'));
  (real.after ?? real.afterAll)(() => hooks(one, 'after'));
  for (const part of one.parts) {
    if (part.parts) describe(part.title, () => handed(part, [...path, part.title], real));
    else it(part.title, async () => { await played(part, path); });
  }
}

function byTheRunner(file, plan, real) {
  Object.assign(state, { file, results: plan.results, context: plan.context, ends: plan.ends });
  handed(taken(), [], real);
}

module.exports = { library: library.test, alone, byTheRunner };

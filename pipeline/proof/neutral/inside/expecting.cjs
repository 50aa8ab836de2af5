// `expect`, `fn` and `spyOn`. Matchers have no names of their own, because a name would stand in the stack of what they call.

const spies = new Set();
let counted = 0;
let promised = -1;
let someone = false;

function madeOf(how) {
  let usual = how;
  let next = [];
  const calls = { calls: [], results: [], instances: [], contexts: [], invocationCallOrder: [] };
  const made = function (...given) {
    calls.calls.push(given);
    calls.instances.push(this);
    calls.contexts.push(this);
    const result = { type: 'incomplete', value: undefined };
    calls.results.push(result);
    const chosen = next.length ? next.shift() : usual;
    try {
      result.value = chosen === undefined ? undefined : new.target && chosen.prototype ? new chosen(...given) : chosen.apply(this, given);
      result.type = 'return';
    } catch (error) {
      result.type = 'throw';
      result.value = error;
      throw error;
    }
    return result.value;
  };
  Object.defineProperty(made, 'name', { value: '' });
  const forget = () => Object.assign(calls, { calls: [], results: [], instances: [], contexts: [] });
  const always = (chosen) => { usual = chosen; return made; };
  const once = (chosen) => { next.push(chosen); return made; };
  Object.defineProperty(calls, 'lastCall', { get: () => calls.calls[calls.calls.length - 1] });
  Object.assign(made, {
    mock: calls,
    getMockName: () => 'mock', mockName: () => made, getMockImplementation: () => usual,
    mockImplementation: always, mockImplementationOnce: once,
    mockReturnValue: (value) => always(() => value), mockReturnValueOnce: (value) => once(() => value),
    mockResolvedValue: (value) => always(async () => value), mockResolvedValueOnce: (value) => once(async () => value),
    mockRejectedValue: (value) => always(async () => { throw value; }),
    mockRejectedValueOnce: (value) => once(async () => { throw value; }),
    mockReturnThis: () => always(function () { return this; }),
    mockClear: () => { forget(); return made; },
    mockReset: () => { forget(); next = []; usual = how; return made; },
    mockRestore: () => { forget(); next = []; usual = how; made.restore?.(); },
  });
  spies.add(made);
  return made;
}

function spied(owner, name, accessor) {
  const original = owner[name];
  if (accessor !== undefined || typeof original !== 'function') throw new Unsupported('it spies on what is no function');
  if (spies.has(original)) return original;
  const own = Object.getOwnPropertyDescriptor(owner, name);
  const made = madeOf(original);
  made.restore = () => { if (own) Object.defineProperty(owner, name, own); else delete owner[name]; };
  owner[name] = made;
  if (owner[name] !== made) throw new Unsupported('it spies on what cannot be replaced');
  return made;
}

const every = (what) => () => { for (const one of spies) one[what](); return doubles; };

function onlyKnown(known, kind) {
  return new Proxy(known, {
    get: (target, name) => {
      if (name in target || typeof name === 'symbol' || name === 'then') return target[name];
      return () => { throw new Unsupported(`it uses ${kind}.${name}`); };
    },
  });
}

const doubles = onlyKnown({
  fn: (how) => madeOf(how), spyOn: spied, mocked: (one) => one,
  isMockFunction: (one) => spies.has(one),
  clearAllMocks: every('mockClear'), resetAllMocks: every('mockReset'), restoreAllMocks: every('mockRestore'),
  setTimeout: () => doubles, hoisted: (made) => made(), unmock: () => doubles, useRealTimers: () => doubles,
}, 'mocks');

function doublesOfNode(ending) {
  const all = [];
  const one = (original, how, options, restore) => {
    let usual = how;
    let calls = [];
    const byCall = new Map();
    const made = function (...given) {
      const at = calls.length;
      const chosen = byCall.get(at) ?? (options?.times !== undefined && at >= options.times ? original : usual);
      const call = { arguments: given, error: undefined, result: undefined, stack: new Error(), target: new.target, this: this };
      try {
        call.result = new.target ? Reflect.construct(chosen, given, new.target) : chosen.apply(this, given);
        return call.result;
      } catch (error) {
        call.error = error;
        throw error;
      } finally {
        calls.push(call);
      }
    };
    const back = () => { usual = original; restore(); };
    made.mock = onlyKnown({
      callCount: () => calls.length, resetCalls: () => { calls = []; }, restore: back,
      mockImplementation: (other) => { usual = other; },
      mockImplementationOnce: (other, at) => { byCall.set(at ?? calls.length, other); },
    }, 'mock');
    Object.defineProperty(made, 'name', { value: original.name });
    Object.defineProperty(made, 'length', { value: original.length });
    const kept = made.mock;
    made.mock = new Proxy(kept, { get: (target, name) => (name === 'calls' ? [...calls] : target[name]) });
    all.push({ back, forget: () => { calls = []; } });
    ending.push(back);
    return made;
  };
  const nothingElse = () => undefined;
  return onlyKnown({
    fn: (original, how, options) => {
      const first = typeof original === 'function' ? original : nothingElse;
      const given = typeof original === 'function' ? how : original;
      return one(first, typeof given === 'function' ? given : first, options ?? (typeof given === 'function' ? undefined : given), nothingElse);
    },
    method: (owner, name, how, options) => {
      const original = owner[name];
      const given = options ?? (typeof how === 'function' ? undefined : how);
      if (typeof original !== 'function' || given?.getter || given?.setter) throw new Unsupported('it replaces what is no function');
      const own = Object.getOwnPropertyDescriptor(owner, name);
      const made = one(original, typeof how === 'function' ? how : original, given, () => {
        if (own) Object.defineProperty(owner, name, own); else delete owner[name];
      });
      Object.defineProperty(owner, name, { configurable: true, writable: true, enumerable: own?.enumerable ?? true, value: made });
      return made;
    },
    reset: () => { for (const each of all) { each.back(); each.forget(); } },
    restoreAll: () => { for (const each of all) each.back(); },
  }, 'mock');
}

const callsOf = (one) => {
  if (!one || !one.mock) throw new Unsupported('it asks for the calls of what is no mock of ours');
  return one.mock;
};
const close = (value, other, digits = 2) => value === other || Math.abs(value - other) < 10 ** -digits / 2;
const returns = (one) => callsOf(one).results.filter((result) => result.type === 'return');

const matchers = new Map([
  ['toBe', (value, other) => Object.is(value, other)],
  ['toEqual', (value, other) => same(value, other, false)],
  ['toStrictEqual', (value, other) => same(value, other, true)],
  ['toMatchObject', (value, other) => matches(value, other)],
  ['toMatch', (value, other) => (typeof other === 'string' ? value.includes(other) : other.test(value))],
  ['toContain', (value, item) => within(value, item)],
  ['toContainEqual', (value, item) => within([...value], item, false)],
  ['toHaveLength', (value, length) => value.length === length],
  ['toHaveProperty', (value, path, ...other) => {
    const found = Array.isArray(path) || !(path in Object(value)) ? walked(value, path) : [value[path]];
    return found.length > 0 && (!other.length || same(found[0], other[0], false));
  }],
  ['toBeNull', (value) => value === null],
  ['toBeUndefined', (value) => value === undefined],
  ['toBeDefined', (value) => value !== undefined],
  ['toBeNullable', (value) => value === null || value === undefined],
  ['toBeTruthy', (value) => Boolean(value)],
  ['toBeFalsy', (value) => !value],
  ['toBeNaN', (value) => Number.isNaN(value)],
  ['toBeGreaterThan', (value, other) => value > other],
  ['toBeGreaterThanOrEqual', (value, other) => value >= other],
  ['toBeLessThan', (value, other) => value < other],
  ['toBeLessThanOrEqual', (value, other) => value <= other],
  ['toBeCloseTo', close],
  ['toBeInstanceOf', (value, kind) => value instanceof kind],
  ['toBeTypeOf', (value, kind) => typeof value === kind],
  ['toBeOneOf', (value, several) => [...several].some((one) => same(value, one, false))],
  ['toSatisfy', (value, check) => Boolean(check(value))],
  ['toHaveBeenCalled', (one) => callsOf(one).calls.length > 0],
  ['toHaveBeenCalledTimes', (one, times) => callsOf(one).calls.length === times],
  ['toHaveBeenCalledOnce', (one) => callsOf(one).calls.length === 1],
  ['toHaveBeenCalledWith', (one, ...given) => callsOf(one).calls.some((call) => same(call, given, false))],
  ['toHaveBeenLastCalledWith', (one, ...given) => same(callsOf(one).lastCall, given, false)],
  ['toHaveBeenNthCalledWith', (one, at, ...given) => same(callsOf(one).calls[at - 1], given, false)],
  ['toHaveReturned', (one) => returns(one).length > 0],
  ['toHaveReturnedTimes', (one, times) => returns(one).length === times],
  ['toHaveReturnedWith', (one, value) => returns(one).some((result) => same(result.value, value, false))],
]);
for (const [other, usual] of [
  ['toBeCalled', 'toHaveBeenCalled'], ['toBeCalledTimes', 'toHaveBeenCalledTimes'], ['toBeCalledWith', 'toHaveBeenCalledWith'],
  ['lastCalledWith', 'toHaveBeenLastCalledWith'], ['nthCalledWith', 'toHaveBeenNthCalledWith'],
]) matchers.set(other, matchers.get(usual));

function judge(name, holds, negated, value, given) {
  counted += 1;
  if (holds !== negated) return;
  const { AssertionError } = require('node:assert');
  throw new AssertionError({ message: `${shown(value)} ${negated ? 'not ' : ''}${name} ${given.map(shown).join(', ')}` });
}

function throwing(value, negated, settled) {
  return (...given) => {
    let thrown = [];
    if (settled) thrown = [value];
    else {
      if (typeof value !== 'function') return judge('function', false, false, value, given);
      try { value(); } catch (error) { thrown = [error]; }
    }
    return judge('throws', thrown.length > 0 && threw(thrown[0], given[0]), negated, thrown[0], given);
  };
}

function expecting(value, negated, settled) {
  const known = {};
  for (const [name, check] of matchers) known[name] = (...given) => judge(name, Boolean(check(value, ...given)), negated, value, given);
  known.toThrow = known.toThrowError = throwing(value, negated, settled);
  Object.defineProperty(known, 'not', { get: () => expecting(value, !negated, settled) });
  for (const [name, wanted] of [['resolves', true], ['rejects', false]]) {
    Object.defineProperty(known, name, { get: () => awaiting(value, wanted, negated) });
  }
  return onlyKnown(known, 'expect');
}

function awaiting(value, wanted, negated) {
  return new Proxy({}, {
    get: (_, name) => {
      if (name === 'not') return awaiting(value, wanted, !negated);
      return async (...given) => {
        let ended;
        let well = true;
        try { ended = await (typeof value === 'function' ? value() : value); } catch (error) { ended = error; well = false; }
        if (well !== wanted) judge(wanted ? 'resolves' : 'rejects', false, false, ended, []);
        return expecting(ended, negated, !wanted)[name](...given);
      };
    },
  });
}

const offeredExpect = (value) => expecting(value, false, false);
const containing = (part) => (value) => value !== null && typeof value === 'object' && keysOf(part, false).every((key) => key in value && same(value[key], part[key], false));
const holding = (part) => (value) => Array.isArray(value) && part.every((one) => within(value, one, false));
const including = (part) => (value) => typeof value === 'string' && value.includes(part);
const fitting = (part) => (value) => typeof value === 'string' && new RegExp(part).test(value);
const nearly = (number, digits) => (value) => typeof value === 'number' && close(value, number, digits);
const contrary = (maker) => (...given) => { const check = maker(...given); return shape((value) => !check(value), 'not'); };
const made = (maker) => (...given) => shape(maker(...given), given.map(shown).join(', '));
const lifted = { objectContaining: containing, arrayContaining: holding, stringContaining: including, stringMatching: fitting, closeTo: nearly };
const besides = {
  any: (kind) => shape((value) => isA(value, kind), kind.name),
  anything: () => shape((value) => value !== null && value !== undefined, 'anything'),
  assertions: (number) => { promised = number; },
  hasAssertions: () => { someone = true; },
  unreachable: (why) => judge('reached', false, false, why, []),
  not: {},
};
for (const [name, maker] of Object.entries(lifted)) {
  besides[name] = made(maker);
  besides.not[name] = contrary(maker);
}
const library = { expect: new Proxy(offeredExpect, { get: (_, name) => onlyKnown(besides, 'expect')[name] }) };

function beginCounting() {
  counted = 0;
  promised = -1;
  someone = false;
}

function endCounting() {
  if (promised >= 0) judge('assertions', counted === promised, false, counted, [promised]);
  if (someone) judge('assertions', counted > 0, false, counted, []);
}

// What assertions compare. Runs in the target environment: Node 18 and its own library alone.
'use strict';

class Unsupported extends Error {}
class Skipped extends Error {}

const asymmetric = Symbol('');

function shape(check, shown) {
  return { [asymmetric]: check, toString: () => shown };
}

function kindOf(value) {
  return Object.prototype.toString.call(value);
}

function keysOf(value, loose) {
  const symbols = Object.getOwnPropertySymbols(value).filter((one) => Object.prototype.propertyIsEnumerable.call(value, one));
  return [...Object.keys(value), ...symbols].filter((key) => !loose || value[key] !== undefined);
}

function same(one, other, strict, pairs = []) {
  if (other !== null && typeof other === 'object' && other[asymmetric]) return other[asymmetric](one);
  if (one !== null && typeof one === 'object' && one[asymmetric]) return one[asymmetric](other);
  if (Object.is(one, other)) return true;
  if (one === null || other === null || typeof one !== 'object' || typeof other !== 'object') return false;
  if (kindOf(one) !== kindOf(other)) return false;
  if (strict && Object.getPrototypeOf(one)?.constructor !== Object.getPrototypeOf(other)?.constructor) return false;
  if (pairs.some(([first, second]) => first === one && second === other)) return true;
  const inner = [...pairs, [one, other]];
  if (one instanceof Error && other instanceof Error) {
    if (one.message !== other.message || one.name !== other.name) return false;
    return !strict || keysOf(one, false).every((key) => same(one[key], other[key], strict, inner));
  }
  if (one instanceof Date) return Object.is(one.getTime(), other.getTime());
  if (one instanceof RegExp) return one.source === other.source && one.flags === other.flags;
  if (['[object Number]', '[object String]', '[object Boolean]'].includes(kindOf(one))) return Object.is(one.valueOf(), other.valueOf());
  if (one instanceof Promise || one instanceof WeakMap || one instanceof WeakSet) return false;
  if (one instanceof ArrayBuffer) return Buffer.from(one).equals(Buffer.from(other));
  if (one instanceof Map || one instanceof Set) {
    if (one.size !== other.size) return false;
    const rest = [...other];
    return [...one].every((entry) => {
      const at = rest.findIndex((found) => same(entry, found, strict, inner));
      if (at >= 0) rest.splice(at, 1);
      return at >= 0;
    });
  }
  if (Array.isArray(one) && one.length !== other.length) return false;
  const ours = keysOf(one, !strict);
  const theirs = keysOf(other, !strict);
  return ours.length === theirs.length
    && ours.every((key) => Object.prototype.hasOwnProperty.call(other, key) && same(one[key], other[key], strict, inner));
}

function matches(value, part, pairs = []) {
  if (part === null || typeof part !== 'object' || part[asymmetric] || value === null || typeof value !== 'object') return same(value, part, false);
  if (pairs.some(([first, second]) => first === value && second === part)) return true;
  const inner = [...pairs, [value, part]];
  if (Array.isArray(part)) {
    return Array.isArray(value) && value.length === part.length && part.every((one, at) => matches(value[at], one, inner));
  }
  if (kindOf(part) !== '[object Object]' || kindOf(value) !== kindOf(part)) return same(value, part, false);
  return keysOf(part, false).every((key) => key in value && matches(value[key], part[key], inner));
}

function shown(value) {
  if (value !== null && typeof value === 'object' && value[asymmetric]) return String(value);
  return require('node:util').inspect(value, { depth: 2, breakLength: Infinity }).slice(0, 80);
}

function isA(value, kind) {
  const primitives = { String: 'string', Number: 'number', Boolean: 'boolean', Function: 'function', Symbol: 'symbol', BigInt: 'bigint' };
  if (typeof value === primitives[kind.name]) return true;
  if (kind === Object) return typeof value === 'object' && value !== null;
  if (kind === Array) return Array.isArray(value);
  return value instanceof kind;
}

function within(value, item, strict) {
  if (typeof value === 'string') return value.includes(String(item));
  const alike = strict === undefined ? (one) => one === item || Object.is(one, item) : (one) => same(one, item, strict);
  return [...value].some(alike);
}

function walked(value, path) {
  const steps = Array.isArray(path) ? path : String(path).match(/[^.[\]]+/g) ?? [];
  let here = value;
  for (const step of steps) {
    if (here === null || here === undefined || !(Object(here) !== here ? here[step] !== undefined : step in here)) return [];
    here = here[step];
  }
  return [here];
}

function told(error) {
  return error !== null && typeof error === 'object' && 'message' in error ? String(error.message) : String(error);
}

function threw(error, expected) {
  if (expected === undefined) return true;
  if (typeof expected === 'string') return told(error).includes(expected);
  if (expected instanceof RegExp) return expected.test(told(error));
  if (typeof expected === 'function') return error instanceof expected;
  if (expected[asymmetric]) return expected[asymmetric](error);
  return told(error) === expected.message;
}

import { facts, list, text, type Facts } from '@/lib/json';

export type Kind = 'boolean' | 'integer' | 'number' | 'text' | 'choice' | 'group' | 'list';

/** One field of a form, read from JSON Schema. */
export interface Field {
  name: string;
  label: string;
  about: string;
  kind: Kind;
  choices: string[];
  minimum: number | null;
  maximum: number | null;
  pattern: string | null;
  fields: Field[];
  required: boolean;
}

/** The fields of an object schema, in its order. References and "number or string" unions are resolved. */
export function fieldsOf(schema: Facts, root: Facts = schema): Field[] {
  const required = list(schema['required']).map(text);
  return Object.entries(facts(schema['properties'])).map(([name, part]) =>
    fieldOf(name, resolved(facts(part), root), root, required.includes(name)),
  );
}

/** A new item of a list. */
export function blankOf(fields: readonly Field[]): Facts {
  return Object.fromEntries(fields.map((field) => [field.name, field.kind === 'boolean' ? false : field.kind === 'list' ? [] : '']));
}

function fieldOf(name: string, schema: Facts, root: Facts, required: boolean): Field {
  const inner = kindOf(schema) === 'list' ? resolved(facts(schema['items']), root) : schema;
  const pattern = text(schema['pattern']);
  const choices = list(schema['enum']).map(text);
  return {
    name,
    label: labelOf(name),
    about: text(schema['description']),
    kind: kindOf(schema),
    choices: choices.length > 0 ? choices : choicesOf(pattern),
    minimum: numberOf(schema['minimum'] ?? schema['exclusiveMinimum']),
    maximum: numberOf(schema['maximum'] ?? schema['exclusiveMaximum']),
    pattern: pattern || null,
    fields: inner['properties'] === undefined ? [] : fieldsOf(inner, root),
    required,
  };
}

function kindOf(schema: Facts): Kind {
  if (list(schema['enum']).length > 0 || choicesOf(text(schema['pattern'])).length > 0) return 'choice';
  switch (schema['type']) {
    case 'boolean':
      return 'boolean';
    case 'integer':
      return 'integer';
    case 'number':
      return 'number';
    case 'array':
      return 'list';
    case 'object':
      return 'group';
    default:
      return 'text';
  }
}

/** A pattern such as `^(merge|squash)$` is a choice in other words. */
function choicesOf(pattern: string): string[] {
  return /^\^\(([\w|]+)\)\$$/.exec(pattern)?.[1]?.split('|') ?? [];
}

function resolved(schema: Facts, root: Facts): Facts {
  const reference = text(schema['$ref']) || text(facts(list(schema['allOf'])[0])['$ref']);
  const target = reference === '' ? {} : facts(facts(root['$defs'])[reference.split('/').at(-1) ?? '']);
  const numeric = list(schema['anyOf']).map(facts).find((one) => one['type'] === 'number' || one['type'] === 'integer');
  return { ...target, ...(numeric ?? {}), ...schema };
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

const UNIT: readonly (readonly [RegExp, string])[] = [
  [/_usd$/, 'US dollars'], [/_s$/, 'seconds'], [/_bytes$/, 'bytes'], [/_pct$/, 'per cent'], [/_tokens$/, 'tokens'],
];

/** `budget_usd` → `Budget (US dollars)`: units stand in the names. */
function labelOf(name: string): string {
  const unit = UNIT.find(([ending]) => ending.test(name));
  const bare = (unit ? name.replace(unit[0], '') : name).replaceAll('_', ' ').replace(/ max$/, ', at most');
  return `${bare.charAt(0).toUpperCase()}${bare.slice(1)}${unit ? ` (${unit[1]})` : ''}`;
}

export interface Shown {
  title: string;
  summary: string;
  criteria: { id: string; text: string }[];
  changes: Change[];
  remarks: string[];
}

export interface Change {
  name: string;
  target: string;
  base: string;
  head: string;
  size: string;
  scenarios: string;
  suite: string;
  preExisting: string[];
  findings: string[];
}

/** Reads what a gate shows. The content is the approver's evidence: what is missing is said, never invented. */
export function shownBy(content: Record<string, unknown>): Shown {
  return {
    title: text(content['title']),
    summary: text(content['summary']),
    criteria: list(content['criteria']).map(recordOf).map((one) => ({ id: text(one['id']), text: text(one['text']) })),
    changes: Object.entries(recordOf(content['repositories'])).map(([name, facts]) => changeOf(name, recordOf(facts))),
    remarks: [
      ...list(content['risk_flags']).map(recordOf).map((flag) => `${text(flag['risk'])} risk in the request: “${text(flag['quote'])}”`),
      ...list(content['skipped']).map(text),
    ],
  };
}

function changeOf(name: string, facts: Record<string, unknown>): Change {
  const files = list(facts['files']).map(recordOf);
  const scenarios = list(facts['scenarios']).map(recordOf);
  const kinds = (kind: string) => scenarios.filter((one) => one['kind'] === kind).length;
  return {
    name,
    target: text(facts['base_branch']),
    base: text(facts['base']),
    head: text(facts['head']),
    size: `${files.length} ${files.length === 1 ? 'file' : 'files'}, +${sum(files, 'added')} −${sum(files, 'removed')}`,
    scenarios: `${kinds('change')} change, ${kinds('preserve')} preserve`,
    suite: text(facts['suite']) || 'not recorded',
    preExisting: list(facts['pre_existing_failures']).map(text),
    findings: list(facts['findings']).map(text),
  };
}

function sum(files: Record<string, unknown>[], field: string): number {
  return files.reduce((total, file) => total + Number(file[field] ?? 0), 0);
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

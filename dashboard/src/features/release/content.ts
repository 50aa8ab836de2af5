export interface Shown {
  summary: string;
  why: string;
  changes: Change[];
  proof: [string, string][];
}

export interface Change {
  name: string;
  target: string;
  base: string;
  head: string;
  size: string;
}

/** Reads what a release gate shows. The content is the approver's evidence, so what is missing is said, never invented. */
export function shownBy(content: Record<string, unknown>): Shown {
  const repositories = Array.isArray(content['repositories']) ? content['repositories'].map(recordOf) : [];
  return {
    summary: text(content['summary']),
    why: text(content['why']),
    changes: repositories.map(changeOf),
    proof: Object.entries(recordOf(content['evidence'])).map(([name, value]) => [name, sentence(value)]),
  };
}

function changeOf(facts: Record<string, unknown>): Change {
  const files = facts['files'];
  const size =
    typeof files === 'number' ? `${files} files, +${text(facts['added'])} −${text(facts['removed'])}` : 'size not recorded';
  return { name: text(facts['name']), target: text(facts['target']), base: text(facts['base']), head: text(facts['head']), size };
}

function sentence(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(text).join(', ');
  return text(value) || 'not recorded';
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

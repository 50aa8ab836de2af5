/** Counts of one test run, read from its stored report. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface Case {
  id: string;
  outcome: string;
}

export function casesOf(report: Record<string, unknown>): Case[] {
  const cases = report['cases'];
  return Array.isArray(cases) ? cases.map(caseOf) : [];
}

export function countsOf(cases: readonly Case[]): Counts {
  const count = (...outcomes: string[]) => cases.filter((one) => outcomes.includes(one.outcome)).length;
  return { passed: count('passed'), failed: count('failed', 'error'), skipped: count('skipped') };
}

export function failuresOf(cases: readonly Case[]): string[] {
  return cases.filter((one) => ['failed', 'error'].includes(one.outcome)).map((one) => one.id);
}

function caseOf(value: unknown): Case {
  const facts = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const [id, outcome] = [facts['test_id'], facts['outcome']];
  return { id: typeof id === 'string' ? id : '', outcome: typeof outcome === 'string' ? outcome : '' };
}

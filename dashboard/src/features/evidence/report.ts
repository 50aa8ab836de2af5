import { facts, list, text, type Facts } from '@/lib/json';

/** Counts of one test run, read from its stored report. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export interface Case {
  id: string;
  outcome: string;
  message: string;
  tail: string;
}

/** What proves one scenario: its tests, each seen red without the change and green with it. */
export interface Witness {
  scenario: string;
  tests: { id: string; why: string; counts: boolean; green: boolean }[];
}

export function casesOf(report: Facts): Case[] {
  return list(report['cases']).map(facts).map((one) => {
    const failure = facts(one['failure']);
    return { id: text(one['test_id']), outcome: text(one['outcome']), message: plain(failure['message']), tail: plain(failure['tail']) };
  });
}

export function countsOf(cases: readonly Case[]): Counts {
  const count = (...outcomes: string[]) => cases.filter((one) => outcomes.includes(one.outcome)).length;
  return { passed: count('passed'), failed: count('failed', 'error'), skipped: count('skipped') };
}

export function failuresOf(cases: readonly Case[]): Case[] {
  return cases.filter((one) => ['failed', 'error'].includes(one.outcome));
}

/** A runner that colours what it says is read without its colours. */
function plain(value: unknown): string {
  return text(value).replaceAll(/\u001b\[[0-?]*[ -/]*[@-~]/g, '');
}

interface Run {
  purpose: string;
  report: Facts;
  verdict: Facts;
}

/** The witnesses of the newest run that settled them. */
export function witnessesOf(runs: readonly Run[]): Witness[] {
  const settled = runs.findLast((run) => facts(run.verdict['red'])['final'] === true);
  if (settled === undefined) return [];
  const red = facts(settled.verdict['red']);
  const passed = new Set(runs.flatMap((run) => (run.purpose.startsWith('green') ? casesOf(run.report) : [])).filter((one) => one.outcome === 'passed').map((one) => one.id));
  const verdicts = new Map(list(red['tests']).map(facts).map((one) => [text(one['test_id']), one]));
  return list(red['scenarios']).map(facts).map((one) => ({
    scenario: text(one['scenario']),
    tests: list(one['red']).map(text).map((id) => ({
      id, why: text(verdicts.get(id)?.['why']), counts: verdicts.get(id)?.['counts'] === true, green: passed.has(id),
    })),
  }));
}
